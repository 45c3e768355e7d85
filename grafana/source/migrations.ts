/** Migrations: what runs now, what became of those that ended, and for how long containers stood still. */
import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';

import { board, modeVariable } from './board.js';
import { bars, figure, graph, half, stacked, third } from './panels.js';

const ofModes = 'mode=~"$mode"';
const quantile = (q: number, name: string): string =>
  `histogram_quantile(${q}, sum by (le, mode) (increase(${name}_bucket{${ofModes}}[$__range])))`;
const mean = (name: string, by: string): string =>
  `sum by (${by}) (increase(${name}_sum{${ofModes}}[$__range])) / (sum by (${by}) (increase(${name}_count{${ofModes}}[$__range])) > 0)`;

export function migrationsBoard(): DashboardBuilder {
  return board(
    'portkey-migrations',
    'Portkey: Migrations',
    'What runs now, in which phase, and what became of the migrations that ended.',
  )
    .withVariable(modeVariable())
    .withPanel(
      figure(
        {
          title: 'Running now',
          description:
            'Migrations that the controllers work on. Two at a time for each host, unless configured otherwise.',
          unit: 'short',
          span: third,
        },
        [{ expr: 'sum(portkey_migrations_running)', legend: '' }],
      ),
    )
    .withPanel(
      figure(
        {
          title: 'Frozen for',
          description:
            'For how long the container that has stood still for longest has done so by now. Seconds are usual; half a minute raises an alert.',
          unit: 's',
          span: third,
        },
        [{ expr: 'max(portkey_migration_frozen_seconds)', legend: '' }],
      ),
    )
    .withPanel(
      figure(
        {
          title: 'Rolled back or failed',
          description:
            'Of the migrations of the last quarter of an hour. A rollback loses nothing: the container went on where it was.',
          unit: 'percentunit',
          span: third,
        },
        [{ expr: 'portkey_migrations_rolled_back:ratio15m', legend: '' }],
      ),
    )
    .withPanel(
      stacked(
        {
          title: 'States',
          description:
            'Unfinished migrations by the state that each is in (docs/hand-over.md has the picture).',
          unit: 'short',
          span: half,
        },
        [{ expr: 'sum by (state) (portkey_migrations_in_state)', legend: '{{state}}' }],
      ),
    )
    .withPanel(
      bars(
        {
          title: 'Outcomes',
          description: 'Migrations that ended, by mode and outcome.',
          unit: 'short',
          span: half,
        },
        [
          {
            expr: `sum by (mode, outcome) (increase(portkey_migrations_total{${ofModes}}[1m]))`,
            legend: '{{mode}}: {{outcome}}',
          },
        ],
      ),
    )
    .withPanel(
      figure(
        {
          title: 'Downtime',
          description:
            'From the freeze of the first task until the first one runs at the destination, in the time shown.',
          unit: 's',
          span: half,
        },
        [
          { expr: quantile(0.5, 'portkey_migration_downtime_seconds'), legend: '{{mode}}, median' },
          { expr: quantile(0.95, 'portkey_migration_downtime_seconds'), legend: '{{mode}}, 95 %' },
        ],
      ),
    )
    .withPanel(
      figure(
        {
          title: 'Rounds',
          description:
            'Pre-copy rounds of a completed migration, the last one included, on average in the time shown.',
          unit: 'short',
          span: half,
        },
        [{ expr: mean('portkey_migration_rounds', 'mode'), legend: '{{mode}}' }],
      ),
    )
    .withPanel(
      figure(
        {
          title: 'Where the time goes',
          description: 'Each step of a completed migration, on average in the time shown.',
          unit: 's',
          span: 24,
        },
        [{ expr: mean('portkey_migration_phase_seconds', 'mode, phase'), legend: '{{mode}}: {{phase}}' }],
      ),
    )
    .withPanel(
      graph(
        {
          title: 'Pages left',
          description:
            'Pages that were written while the latest round ran, so still to be sent. Rounds go on while it falls (docs/performance.md).',
          unit: 'short',
          span: third,
        },
        [{ expr: `portkey_precopy_remaining_pages{${ofModes}}`, legend: '{{mode}}' }],
      ),
    )
    .withPanel(
      graph(
        {
          title: 'Dirty pages',
          description: 'How fast the container of the latest round wrote to its pages.',
          unit: 'wps',
          span: third,
        },
        [{ expr: `portkey_migration_dirty_pages_per_second{${ofModes}}`, legend: '{{mode}}' }],
      ),
    )
    .withPanel(
      graph(
        {
          title: 'Errors',
          description: 'Calls that failed, by service and code (docs/operations.md says what each means).',
          unit: 'short',
          span: third,
        },
        [
          {
            expr: 'sum by (job, code) (increase(portkey_failed_calls_total[$__rate_interval])) or on () vector(0)',
            legend: '{{job}}: {{code}}',
          },
        ],
      ),
    );
}
