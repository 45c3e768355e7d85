/**
 * Everything that the dashboards ask Prometheus, read from their JSON model, and as Prometheus itself can answer it: so that
 * a test can ask it without a Grafana.
 *
 * A panel's expressions are asked for at one instant (`instant`) or over the time shown, an annotation's over the time shown.
 * What a variable offers stands there as the query that has an answer when there is something to offer.
 *
 * Limits: of Grafana's ways to write a variable, `$name` and `${name}`, without a format.
 */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import type { Dataquery } from '@grafana/grafana-foundation-sdk/prometheus';

import { dashboardModels } from './dashboards.js';

export interface Expression {
  /** The dashboard's uid. */
  readonly dashboard: string;
  readonly kind: 'panel' | 'annotation' | 'variable';
  /** The title of the panel, or the name of the annotation or variable. */
  readonly panel: string;
  readonly legend: string;
  /** With Grafana's variables in it. */
  readonly expr: string;
  readonly instant: boolean;
}

/** Without the `$`: all modes, all hosts, a quarter of an hour, and a scrape every 5 s. */
export const defaultValues: Readonly<Record<string, string>> = {
  mode: '.*',
  host: '.*',
  __rate_interval: '20s',
  __interval: '5s',
  __interval_ms: '5000',
  __range: '900s',
  __range_s: '900',
};

export function panelExpressions(): readonly Expression[] {
  return [...dashboardModels().values()].flatMap((dashboard) => [
    ...ofPanels(dashboard),
    ...ofAnnotations(dashboard),
    ...ofVariables(dashboard),
  ]);
}

/** Throws for a variable that `values` lacks. */
export function substitute(expr: string, values: Readonly<Record<string, string>> = defaultValues): string {
  return expr.replace(/\$(?:(\w+)|\{(\w+)\})/g, (written, plain?: string, braced?: string) => {
    const value = values[plain ?? braced ?? ''];
    if (value === undefined) throw new Error(`no value for ${written} in: ${expr}`);
    return value;
  });
}

function ofPanels(dashboard: Dashboard): Expression[] {
  return (dashboard.panels ?? []).flatMap((panel) => {
    const targets = 'targets' in panel ? (panel.targets ?? []) : [];
    return targets.filter(isPrometheusQuery).map(({ expr, legendFormat, instant }) => ({
      ...of(dashboard, 'panel'),
      panel: panel.title ?? '',
      legend: legendFormat ?? '',
      expr,
      instant: instant ?? false,
    }));
  });
}

function ofAnnotations(dashboard: Dashboard): Expression[] {
  return (dashboard.annotations.list ?? []).map(({ name, titleFormat, expr }) => ({
    ...of(dashboard, 'annotation'),
    panel: name,
    legend: titleFormat ?? '',
    expr: expr ?? '',
    instant: false,
  }));
}

function ofVariables(dashboard: Dashboard): Expression[] {
  return (dashboard.templating.list ?? []).map(({ name, label, definition }) => {
    const [, series, wanted] = /^label_values\((.+), *(\w+)\)$/.exec(definition ?? '') ?? [];
    if (series === undefined || wanted === undefined)
      throw new Error(`the variable ${name} is not made of label_values: ${definition ?? ''}`);
    return {
      ...of(dashboard, 'variable'),
      panel: name,
      legend: label ?? '',
      expr: `group by (${wanted}) (${series})`,
      instant: true,
    };
  });
}

function of(dashboard: Dashboard, kind: Expression['kind']): Pick<Expression, 'dashboard' | 'kind'> {
  return { dashboard: dashboard.uid ?? '', kind };
}

function isPrometheusQuery(query: object): query is Dataquery {
  return 'expr' in query && typeof query.expr === 'string';
}
