/**
 * The kinds of panels that the dashboards are made of, each with what it asks Prometheus, in one place.
 *
 * All panels have a description, a unit and the same data source, so that "Add panel" and "Explain" find them alike.
 */
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import {
  BigValueColorMode,
  BigValueGraphMode,
  GraphDrawStyle,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatPanel } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeSeriesPanel } from '@grafana/grafana-foundation-sdk/timeseries';

/** As grafana/provisioning/datasources has it. */
export const prometheus = { type: 'prometheus', uid: 'portkey-prometheus' } as const;

/** Grafana's grid is 24 wide; three panels a row read well on a laptop. */
export const third = 8;
export const half = 12;
export const whole = 24;
const graphHeight = 8;
const statHeight = 5;

export interface PanelText {
  readonly title: string;
  /** What the panel answers, and what to think of it. */
  readonly description: string;
  /** Grafana's id of it: "s", "bytes", "percentunit", "short". */
  readonly unit: string;
  readonly span: number;
}

export interface Query {
  readonly expr: string;
  readonly legend: string;
}

export function graph(text: PanelText, queries: readonly Query[]): TimeSeriesPanel {
  return common(new TimeSeriesPanel(), text, graphHeight)
    .targets(queries.map(({ expr, legend }, index) => target(index).expr(expr).legendFormat(legend).range()))
    .min(0)
    .fillOpacity(10)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi));
}

/** Parts of a whole, one on the other. */
export function stacked(text: PanelText, queries: readonly Query[]): TimeSeriesPanel {
  return graph(text, queries).fillOpacity(60).stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
}

export function bars(text: PanelText, queries: readonly Query[]): TimeSeriesPanel {
  return stacked(text, queries).drawStyle(GraphDrawStyle.Bars);
}

/** The latest value of each series, large. */
export function figure(text: PanelText, queries: readonly Query[]): StatPanel {
  return common(new StatPanel(), text, statHeight)
    .targets(
      queries.map(({ expr, legend }, index) => target(index).expr(expr).legendFormat(legend).instant()),
    )
    .graphMode(BigValueGraphMode.None)
    .colorMode(BigValueColorMode.Value)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']));
}

interface AnyPanel extends Builder<unknown> {
  title(title: string): this;
  description(description: string): this;
  unit(unit: string): this;
  span(width: number): this;
  height(height: number): this;
  datasource(source: typeof prometheus): this;
  targets(targets: Builder<Dataquery>[]): this;
}

function common<P extends AnyPanel>(
  panel: P,
  { title, description, unit, span }: PanelText,
  height: number,
): P {
  return panel
    .title(title)
    .description(description)
    .unit(unit)
    .span(span)
    .height(height)
    .datasource(prometheus);
}

function target(index: number): DataqueryBuilder {
  return new DataqueryBuilder().refId(String.fromCharCode('A'.charCodeAt(0) + index)).datasource(prometheus);
}
