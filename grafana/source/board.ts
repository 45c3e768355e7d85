/**
 * What the three dashboards have alike: where they stand, the links between them, the variables `mode` and `host`, and marks
 * for each phase of a migration on every graph.
 *
 * A panel's id is its place in the list. Prometheus sees a migration every few seconds only: a phase that is shorter than
 * that may have no mark of its own, but the end of each migration has.
 */
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  type DashboardLink,
} from '@grafana/grafana-foundation-sdk/dashboard';

import { prometheus, type NumberedPanel } from './panels.js';
import { hostVariable, modeVariable } from './variables.js';

export interface Board {
  /** Never changes: links and bookmarks are made of it. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
}

const tag = 'portkey';

/** As often as Prometheus looks. */
const step = '5s';

const inState = (states: string): string =>
  `sum by (state) (portkey_migrations_in_state{state=~"${states}"}) > 0`;

/** Whatever the step that Grafana takes for the time shown: two looks of Prometheus at least, in which it can have grown. */
const justEnded = 'sum by (mode, outcome) (increase(portkey_migrations_total[$__rate_interval])) > 0';

/** The phases of the report (docs/report.md), and what comes before and after them. */
const marks = [
  { name: 'Pre-copy', expr: inState('precopy'), title: '{{state}}', colour: 'blue' },
  { name: 'Frozen', expr: inState('frozen|dumped|landed|restored'), title: '{{state}}', colour: 'red' },
  { name: 'Committed', expr: inState('committed|activated'), title: '{{state}}', colour: 'green' },
  { name: 'Rolling back', expr: inState('aborted|reverted'), title: '{{state}}', colour: 'orange' },
  { name: 'Ended', expr: justEnded, title: '{{mode}}: {{outcome}}', colour: 'purple' },
] as const;

export function board(
  { uid, title, description }: Board,
  panels: readonly NumberedPanel[],
): DashboardBuilder {
  const dashboard = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags([tag])
    .time({ from: 'now-15m', to: 'now' })
    .refresh('5s')
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .readonly()
    .link(otherDashboards())
    .withVariable(modeVariable())
    .withVariable(hostVariable());
  for (const mark of marks)
    dashboard.annotation(
      new AnnotationQueryBuilder()
        .name(mark.name)
        .datasource(prometheus)
        .enable(true)
        .iconColor(mark.colour)
        .expr(mark.expr)
        .step(step)
        .titleFormat(mark.title),
    );
  for (const [index, panel] of panels.entries()) dashboard.withPanel(panel.id(index + 1));
  return dashboard;
}

/** In sight, instead of in the menu where the SDK puts links. */
function otherDashboards(): Builder<DashboardLink> {
  const link = new DashboardLinkBuilder('Portkey')
    .type(DashboardLinkType.Dashboards)
    .tags([tag])
    .asDropdown(false)
    .keepTime(true)
    .includeVars(true)
    .build();
  delete link.placement;
  return { build: () => link };
}
