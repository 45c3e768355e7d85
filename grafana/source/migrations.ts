/** Migrations: what runs now, what became of those that ended, and for how long containers stood still. */
import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';

import { board } from './board.js';
import { composed, counts, figure, graph, half, stacked, third } from './panels.js';
import { meanOfAll, quantileOfAll, recentMean, total } from './queries.js';
import { badFrom } from './thresholds.js';
import { ofHosts, ofModes } from './variables.js';

const downtime = { histogram: 'portkey_migration_downtime_seconds', where: ofModes, by: 'mode' };
const rounds = { histogram: 'portkey_migration_rounds', where: ofModes, by: 'mode' };
const steps = { histogram: 'portkey_migration_phase_seconds', where: ofModes, by: 'mode, phase' };
const left = { histogram: 'portkey_precopy_remaining_pages', where: ofModes, by: 'mode' };
const outcomes = { counter: 'portkey_migrations_total', where: ofModes, by: 'mode, outcome' };
const failedCalls = { counter: 'portkey_failed_calls_total', where: ofHosts, by: 'job, code' };

/** While none has ended lately, the share of all; the alert is silent then. */
const rolledBack =
  'portkey_migrations_rolled_back:ratio15m or ' +
  '(sum(portkey_migrations_total{outcome=~"rolled-back|failed"}) or vector(0)) / (sum(portkey_migrations_total) > 0)';

export function migrationsBoard(): DashboardBuilder {
  return board(
    {
      uid: 'portkey-migrations',
      title: 'Portkey: Migrations',
      description: 'What runs now, in which phase, and what became of the migrations that ended.',
    },
    [...now(), ...ended(), ...inside()],
  );
}

const now = () => [
  figure(
    {
      title: 'Running now',
      description:
        'Migrations that the controllers work on, in either mode. Two at a time for each host, unless configured otherwise.',
      unit: 'short',
      span: third,
    },
    [{ expr: 'sum(portkey_migrations_running)', legend: 'running' }],
  ),
  figure(
    {
      title: 'Frozen for',
      description:
        'For how long the container that has stood still for longest has done so by now; 0 while none does. Seconds are usual; half a minute raises an alert.',
      unit: 's',
      span: third,
      thresholds: badFrom(30),
    },
    [{ expr: 'max(portkey_migration_frozen_seconds)', legend: 'frozen' }],
  ),
  figure(
    {
      title: 'Rolled back or failed',
      description:
        'Of the migrations of the last quarter of an hour, in either mode, or of all while none has ended lately. A rollback loses nothing: the container went on where it was. Above 20 % raises an alert.',
      unit: 'percentunit',
      span: third,
      thresholds: badFrom(0.2),
    },
    [{ expr: rolledBack, legend: 'rolled back or failed' }],
  ),
  stacked(
    {
      title: 'Phase',
      description:
        'Migrations that have not ended, in either mode, by the state that each is in (docs/hand-over.md has the picture).',
      unit: 'short',
      span: half,
    },
    [{ expr: 'sum by (state) (portkey_migrations_in_state)', legend: '{{state}}' }],
  ),
];

const ended = () => [
  counts(
    {
      title: 'Outcomes',
      description:
        'Migrations that ended, by mode and outcome, since the controllers started: each step is one.',
      unit: 'short',
      span: half,
    },
    [{ expr: total(outcomes), legend: '{{mode}}: {{outcome}}' }],
  ),
  figure(
    {
      title: 'Downtime',
      description:
        'From the freeze of the first task until the first one runs at the destination, of all completed migrations since the controllers started.',
      unit: 's',
      span: half,
    },
    [
      { expr: quantileOfAll(0.5, downtime), legend: '{{mode}}, median' },
      { expr: quantileOfAll(0.95, downtime), legend: '{{mode}}, 95 %' },
    ],
  ),
  figure(
    {
      title: 'Rounds',
      description:
        'Rounds of a completed migration, the last one included, on average since the controllers started.',
      unit: 'short',
      span: half,
    },
    [{ expr: meanOfAll(rounds), legend: '{{mode}}' }],
  ),
  composed(
    {
      title: 'Where the time goes',
      description:
        'The steps of a completed migration, one after the other, on average since the controllers started (docs/report.md).',
      unit: 's',
      span: half,
    },
    meanOfAll(steps),
    { row: 'mode', part: 'phase' },
  ),
];

const inside = () => [
  counts(
    {
      title: 'Errors',
      description:
        'Calls that failed, refusals included, by service and code, since the services started (docs/operations.md says what each means). The controllers are of no host.',
      unit: 'short',
      span: half,
    },
    [
      {
        expr: `${total(failedCalls)} or on () label_replace(vector(0), "code", "none", "", "")`,
        legend: '{{job}} {{code}}',
      },
    ],
  ),
  graph(
    {
      title: 'Pre-copy rounds',
      description:
        'Rounds that ended with a decision, and when; the last one of a migration is not among them.',
      unit: 'short',
      span: third,
    },
    [
      {
        expr: `sum by (mode) (increase(portkey_precopy_decisions_total{${ofModes}}[$__rate_interval]))`,
        legend: '{{mode}}',
      },
    ],
  ),
  graph(
    {
      title: 'Pages that a round leaves',
      description:
        'Written while it ran, so to be sent again. Rounds go on while they fall (docs/performance.md). While none runs: the average of all so far.',
      unit: 'short',
      span: third,
    },
    [{ expr: recentMean(left), legend: '{{mode}}' }],
  ),
  graph(
    {
      title: 'Writes of the container',
      description:
        'Pages that the container of the latest round wrote to, a second; it stays after the migration.',
      unit: 'wps',
      span: third,
    },
    [
      {
        expr: `max by (mode) (portkey_migration_dirty_pages_per_second{${ofModes}})`,
        legend: '{{mode}}',
      },
    ],
  ),
];
