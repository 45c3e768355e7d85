/**
 * The kinds of panels that the dashboards are made of, each with what it asks Prometheus, in one place.
 *
 * All panels have a description, a unit and the same data source. What has a place on a time axis is a graph and asked for
 * as a range; a figure, a list or bars show the end of the time shown, and ask for that instant alone.
 */
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import { PanelBuilder as BarChartPanel } from '@grafana/grafana-foundation-sdk/barchart';
import { PanelBuilder as BarGaugePanel } from '@grafana/grafana-foundation-sdk/bargauge';
import {
  FieldColorBuilder,
  FieldColorModeId,
  type Panel,
  type ThresholdsConfig,
} from '@grafana/grafana-foundation-sdk/dashboard';
import * as common from '@grafana/grafana-foundation-sdk/common';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatPanel } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeSeriesPanel } from '@grafana/grafana-foundation-sdk/timeseries';

import { noThresholds } from './thresholds.js';

/** As grafana/provisioning/datasources has it. */
export const prometheus = { type: 'prometheus', uid: 'portkey-prometheus' } as const;

/** Grafana's grid is 24 wide; three panels a row read well on a laptop. */
export const third = 8;
export const half = 12;
export const whole = 24;
const graphHeight = 7;
const figureHeight = 4;

export interface PanelText {
  readonly title: string;
  /** What the panel answers, and what to think of it. */
  readonly description: string;
  /** Grafana's id of it: "s", "bytes", "percentunit", "short". */
  readonly unit: string;
  readonly span: number;
  /** In colour, where a value is good or bad. */
  readonly thresholds?: Builder<ThresholdsConfig>;
  /** What stands there while there is nothing to show; "none yet" by default. */
  readonly empty?: string;
}

export interface Query {
  readonly expr: string;
  readonly legend: string;
}

/** A panel whose number the dashboard gives it. */
export interface NumberedPanel extends Builder<Panel> {
  id(id: number): this;
}

export function graph(text: PanelText, queries: readonly Query[]): TimeSeriesPanel {
  return set(new TimeSeriesPanel(), text, graphHeight)
    .targets(queries.map((query, index) => target(query, index).range()))
    .min(0)
    .fillOpacity(10)
    .legend(legend())
    .tooltip(tooltip());
}

/** Parts of a whole, one on the other. */
export function stacked(text: PanelText, queries: readonly Query[]): TimeSeriesPanel {
  return graph(text, queries)
    .fillOpacity(60)
    .stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal).group('A'));
}

/** Counts that go up at once when something happens, and stay: an increase over a window would miss the first of each. */
export function counts(text: PanelText, queries: readonly Query[]): TimeSeriesPanel {
  return stacked(text, queries).lineInterpolation(common.LineInterpolation.StepAfter);
}

/** A graph with a line at the threshold. */
export function limited(text: PanelText, queries: readonly Query[]): TimeSeriesPanel {
  return graph(text, queries).thresholdsStyle(
    new common.GraphThresholdsStyleConfigBuilder().mode(common.GraphThresholdsStyleMode.Dashed),
  );
}

/** The latest value of each series, large. */
export function figure(text: PanelText, queries: readonly Query[]): StatPanel {
  return set(new StatPanel(), text, figureHeight)
    .targets(queries.map((query, index) => target(query, index).instant()))
    .graphMode(common.BigValueGraphMode.None)
    .colorMode(common.BigValueColorMode.Value)
    .reduceOptions(latest());
}

/** The latest value of each series, as bars below each other. */
export function list(text: PanelText, query: Query): BarGaugePanel {
  return set(new BarGaugePanel(), text, graphHeight)
    .targets([target(query, 0).instant()])
    .orientation(common.VizOrientation.Horizontal)
    .displayMode(common.BarGaugeDisplayMode.Basic)
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.PaletteClassic))
    .min(0)
    .reduceOptions(latest());
}

/** A bar for each value of the label `row`, which is made of a part for each value of the label `part`. */
export function composed(
  text: PanelText,
  expr: string,
  { row, part }: { row: string; part: string },
): BarChartPanel {
  const matrix = { columnField: part, rowField: row, valueField: 'Value', emptyValue: 'null' };
  return set(new BarChartPanel(), text, graphHeight)
    .targets([
      target({ expr, legend: `{{${row}}}: {{${part}}}` }, 0)
        .instant()
        .format(PromQueryFormat.Table),
    ])
    .transformations([{ id: 'groupingToMatrix', options: matrix }])
    .orientation(common.VizOrientation.Horizontal)
    .stacking(common.StackingMode.Normal)
    .showValue(common.VisibilityMode.Never)
    .min(0)
    .fillOpacity(80)
    .legend(legend())
    .tooltip(tooltip());
}

interface AnyPanel extends NumberedPanel {
  title(title: string): this;
  description(description: string): this;
  unit(unit: string): this;
  noValue(text: string): this;
  thresholds(thresholds: Builder<ThresholdsConfig>): this;
  span(width: number): this;
  height(height: number): this;
  datasource(source: typeof prometheus): this;
  targets(targets: Builder<Dataquery>[]): this;
}

function set<P extends AnyPanel>(panel: P, text: PanelText, height: number): P {
  return panel
    .title(text.title)
    .description(text.description)
    .unit(text.unit)
    .noValue(text.empty ?? 'none yet')
    .thresholds(text.thresholds ?? noThresholds())
    .span(text.span)
    .height(height)
    .datasource(prometheus);
}

function target({ expr, legend: format }: Query, index: number): DataqueryBuilder {
  return new DataqueryBuilder()
    .refId(String.fromCharCode('A'.charCodeAt(0) + index))
    .datasource(prometheus)
    .expr(expr)
    .legendFormat(format);
}

function latest(): common.ReduceDataOptionsBuilder {
  return new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']);
}

function legend(): common.VizLegendOptionsBuilder {
  return new common.VizLegendOptionsBuilder()
    .displayMode(common.LegendDisplayMode.List)
    .placement(common.LegendPlacement.Bottom)
    .showLegend(true);
}

function tooltip(): common.VizTooltipOptionsBuilder {
  return new common.VizTooltipOptionsBuilder()
    .mode(common.TooltipDisplayMode.Multi)
    .sort(common.SortOrder.Descending);
}
