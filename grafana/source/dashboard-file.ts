/**
 * What may stand in a dashboard's file, put together from the types that Grafana publishes: those of the dashboard leave open
 * what depends on the kind of a panel, which the packages of the panels have.
 *
 * Only a schema is made of it (dashboard-schema.ts).
 */
import type * as barchart from '@grafana/grafana-foundation-sdk/barchart';
import type * as bargauge from '@grafana/grafana-foundation-sdk/bargauge';
import type * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import type * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import type * as stat from '@grafana/grafana-foundation-sdk/stat';
import type * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';

/** The method is there for the compiler only. */
type PrometheusQuery = Omit<prometheus.Dataquery, '_implementsDataqueryVariant'>;

interface FieldConfigOf<Custom> extends Omit<dashboard.FieldConfigSource, 'defaults'> {
  defaults: Omit<dashboard.FieldConfig, 'custom'> & { custom?: Custom };
}

/** Some kinds of panels have no settings of fields. */
type Nothing = Record<string, never>;

interface PanelOf<Type extends string, Options, Custom> extends Omit<
  dashboard.Panel,
  'type' | 'options' | 'fieldConfig' | 'targets' | 'transformations'
> {
  type: Type;
  options: Options;
  fieldConfig: FieldConfigOf<Custom>;
  targets: PrometheusQuery[];
  transformations?: GroupingToMatrix[];
}

/** Grafana publishes no types of transformations: as its groupingToMatrix.ts has it. */
interface GroupingToMatrix extends Omit<dashboard.DataTransformerConfig, 'id' | 'options'> {
  id: 'groupingToMatrix';
  options: {
    columnField: string;
    rowField: string;
    valueField: string;
    emptyValue?: 'true' | 'false' | 'null' | 'zero' | 'empty';
  };
}

/** @discriminator type */
type AnyPanel =
  | PanelOf<'timeseries', timeseries.Options, timeseries.FieldConfig>
  | PanelOf<'stat', stat.Options, Nothing>
  | PanelOf<'bargauge', bargauge.Options, Nothing>
  | PanelOf<'barchart', barchart.Options, barchart.FieldConfig>;

interface Annotation extends Omit<dashboard.AnnotationQuery, 'target'> {
  target?: PrometheusQuery;
}

interface Variable extends Omit<dashboard.VariableModel, 'query'> {
  query: { query: string; refId: string };
}

export interface DashboardFile extends Omit<
  dashboard.Dashboard,
  'panels' | 'annotations' | 'templating' | 'snapshot'
> {
  panels: AnyPanel[];
  annotations: { list: Annotation[] };
  templating: { list: Variable[] };
}
