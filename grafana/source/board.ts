/**
 * What the three dashboards have alike: where they stand, the links between them, variables, and marks for each phase of a
 * migration on every graph.
 */
import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  QueryVariableBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';

import { prometheus } from './panels.js';

const tag = 'portkey';

/** Marks and what they mean; the phases of the report (docs/report.md). */
const marks = [
  { name: 'Pre-copy', states: 'precopy', colour: 'blue' },
  { name: 'Frozen', states: 'frozen|dumped|landed|restored', colour: 'red' },
  { name: 'Committed', states: 'committed|activated', colour: 'green' },
  { name: 'Rolling back', states: 'aborted|reverted', colour: 'orange' },
] as const;

export function board(uid: string, title: string, description: string): DashboardBuilder {
  const dashboard = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags([tag])
    .time({ from: 'now-15m', to: 'now' })
    .refresh('5s')
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .readonly()
    .link(
      new DashboardLinkBuilder('Portkey')
        .type(DashboardLinkType.Dashboards)
        .tags([tag])
        .asDropdown(false)
        .keepTime(true)
        .includeVars(true),
    );
  for (const { name, states, colour } of marks)
    dashboard.annotation(
      new AnnotationQueryBuilder()
        .name(name)
        .datasource(prometheus)
        .enable(true)
        .iconColor(colour)
        .expr(`sum by (state) (portkey_migrations_in_state{state=~"${states}"}) > 0`)
        .step('5s')
        .titleFormat('{{state}}'),
    );
  return dashboard;
}

export function modeVariable(): QueryVariableBuilder {
  return variable('mode', 'Mode', 'label_values(portkey_migrations_total, mode)');
}

export function hostVariable(): QueryVariableBuilder {
  return variable('host', 'Host', 'label_values(portkey_vm_cpu_seconds_total, host)');
}

/** All of them unless some are chosen. */
function variable(name: string, label: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(prometheus)
    .query({ query, refId: 'A' })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .current({ selected: true, text: 'All', value: '$__all' });
}
