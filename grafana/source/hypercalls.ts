/** Hypercalls and the control loop: how many, how large, and whether the relay has enough to do. */
import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';

import { board, hostVariable } from './board.js';
import { figure, graph, half, stacked, third } from './panels.js';

const ofHosts = 'host=~"$host"';
const pageBytes = 4096;
const rate = (name: string, by: string): string =>
  `sum by (${by}) (rate(${name}{${ofHosts}}[$__rate_interval]))`;
const quantile = (q: number, name: string): string =>
  `histogram_quantile(${q}, sum by (le, vm) (increase(${name}_bucket{${ofHosts}}[$__range])))`;
const mean = (name: string): string =>
  `sum by (vm) (increase(${name}_sum{${ofHosts}}[$__range])) / (sum by (vm) (increase(${name}_count{${ofHosts}}[$__range])) > 0)`;

export function hypercallsBoard(): DashboardBuilder {
  return board(
    'portkey-hypercalls',
    'Portkey: Hypercalls and control loop',
    'How many hypercalls a migration takes, how much each names, and what the control loop makes of it.',
  )
    .withVariable(hostVariable())
    .withPanel(
      figure(
        {
          title: 'Hypercalls per GiB',
          description: 'Of all migrations of each mode. One SEND can name 64 MiB; CRIU mode makes none.',
          unit: 'short',
          span: third,
        },
        [{ expr: 'mode:portkey_migration_hypercalls_per_gibibyte', legend: '{{mode}}' }],
      ),
    )
    .withPanel(
      figure(
        {
          title: 'Pages per SEND',
          description:
            'On average in the time shown. The loop makes batches larger while the relay is never without work.',
          unit: 'short',
          span: third,
        },
        [{ expr: mean('portkey_send_pages'), legend: '{{vm}}' }],
      ),
    )
    .withPanel(
      figure(
        {
          title: 'Bytes per SEND',
          description: 'What the pages of one SEND are, zero ones included, on average in the time shown.',
          unit: 'bytes',
          span: third,
        },
        [{ expr: `${pageBytes} * ${mean('portkey_send_pages')}`, legend: '{{vm}}' }],
      ),
    )
    .withPanel(
      graph(
        {
          title: 'Hypercalls',
          description: 'Frames on the virtio-serial ports, by type and direction.',
          unit: 'cps',
          span: half,
        },
        [
          {
            expr: rate('portkey_hypercalls_total', 'vm, type, direction'),
            legend: '{{vm}}: {{type}} {{direction}}',
          },
        ],
      ),
    )
    .withPanel(
      graph(
        {
          title: 'Size of batches',
          description: 'Pages that one SEND named: half of them had fewer than the median.',
          unit: 'short',
          span: half,
        },
        [
          { expr: quantile(0.5, 'portkey_send_pages'), legend: '{{vm}}, median' },
          { expr: quantile(0.95, 'portkey_send_pages'), legend: '{{vm}}, 95 %' },
        ],
      ),
    )
    .withPanel(
      graph(
        {
          title: 'Queue in the relay',
          description:
            'SENDs that waited when one had landed, on average: 0 means that the relay waits for the guest.',
          unit: 'short',
          span: third,
        },
        [{ expr: mean('portkey_send_queue_depth'), legend: '{{vm}}' }],
      ),
    )
    .withPanel(
      graph(
        {
          title: 'Starvation',
          description:
            'Share of the time in which a stream was open and had nothing to send. Above a half raises an alert.',
          unit: 'percentunit',
          span: third,
        },
        [{ expr: rate('portkey_starved_seconds_total', 'vm'), legend: '{{vm}}' }],
      ),
    )
    .withPanel(
      graph(
        {
          title: 'Streams',
          description: 'Connections of migrations between relays, by host and direction.',
          unit: 'short',
          span: third,
        },
        [
          {
            expr: `sum by (host, direction) (portkey_streams{${ofHosts}})`,
            legend: '{{host}} {{direction}}',
          },
        ],
      ),
    )
    .withPanel(
      graph(
        {
          title: 'Batch that the loop aims for',
          description: 'Pages of the next SEND, and the most that the guest may name in one.',
          unit: 'short',
          span: third,
        },
        [
          { expr: mean('portkey_batch_target_pages'), legend: '{{vm}}' },
          { expr: mean('portkey_batch_max_pages'), legend: '{{vm}}, at most' },
        ],
      ),
    )
    .withPanel(
      stacked(
        {
          title: 'Decisions',
          description:
            'What was decided after pre-copy rounds, and why: another round, freeze, throttle, or give up.',
          unit: 'short',
          span: third,
        },
        [
          {
            expr: 'sum by (action, reason) (increase(portkey_precopy_decisions_total[$__rate_interval]))',
            legend: '{{action}}: {{reason}}',
          },
        ],
      ),
    )
    .withPanel(
      graph(
        {
          title: 'Sent and landed',
          description: 'Bytes of pages and files that each relay sent to others, and that landed there.',
          unit: 'Bps',
          span: third,
        },
        [
          { expr: rate('portkey_sent_bytes_total', 'host'), legend: '{{host}} sent' },
          { expr: rate('portkey_landed_bytes_total', 'host'), legend: '{{host}} landed' },
        ],
      ),
    );
}
