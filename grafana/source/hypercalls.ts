/** Hypercalls and the control loop: how many, how large, and whether the relay has enough to do. */
import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';

import { board } from './board.js';
import { counts, figure, graph, half, limited, list, third } from './panels.js';
import { meanOfAll, rate, recentMean, recentQuantile, total } from './queries.js';
import { badFrom } from './thresholds.js';
import { ofHosts, ofModes } from './variables.js';

const pages = { histogram: 'portkey_send_pages', where: ofHosts, by: 'vm' };
const bytes = { histogram: 'portkey_send_bytes', where: ofHosts, by: 'vm' };
const queue = { histogram: 'portkey_send_queue_depth', where: ofHosts, by: 'vm' };
const largest = { histogram: 'portkey_batch_max_pages', where: ofHosts, by: 'vm' };
const frames = { counter: 'portkey_hypercalls_total', where: ofHosts, by: 'vm, type, direction' };
const starved = { counter: 'portkey_starved_seconds_total', where: ofHosts, by: 'vm' };
const changes = { counter: 'portkey_batch_changes_total', where: ofHosts, by: 'vm, direction' };
const decisions = {
  counter: 'portkey_precopy_decisions_total',
  where: ofModes,
  by: 'mode, action, reason',
};

export function hypercallsBoard(): DashboardBuilder {
  return board(
    {
      uid: 'portkey-hypercalls',
      title: 'Portkey: Hypercalls and control loop',
      description:
        'How many hypercalls a migration takes, how much each names, and what the control loop makes of it.',
    },
    [...hypercalls(), ...relay(), ...loop()],
  );
}

const hypercalls = () => [
  figure(
    {
      title: 'Hypercalls per GiB',
      description:
        'For each GiB sent, of all migrations since the controllers started. One SEND can name 64 MiB; CRIU mode makes none for pages.',
      unit: 'short',
      span: third,
    },
    [
      {
        expr: `mode:portkey_migration_hypercalls_per_gibibyte{${ofModes}}`,
        legend: '{{mode}}',
      },
    ],
  ),
  figure(
    {
      title: 'Pages per SEND',
      description: 'On average, of all that this VM has sent since its relay started.',
      unit: 'short',
      span: third,
    },
    [{ expr: meanOfAll(pages), legend: '{{vm}}' }],
  ),
  figure(
    {
      title: 'Bytes per SEND',
      description: 'What those pages are, zero ones included.',
      unit: 'bytes',
      span: third,
    },
    [{ expr: meanOfAll(bytes), legend: '{{vm}}' }],
  ),
  graph(
    {
      title: 'Hypercalls',
      description: 'Frames on the virtio-serial ports a second, by type and direction (docs/hypercalls.md).',
      unit: 'cps',
      span: half,
    },
    [{ expr: rate(frames), legend: '{{vm}}: {{type}} {{direction}}' }],
  ),
  graph(
    {
      title: 'Size of batches',
      description:
        'Pages that one SEND named: half of them had no more than the median. While nothing is sent: of all so far.',
      unit: 'short',
      span: half,
    },
    [
      { expr: recentQuantile(0.5, pages), legend: '{{vm}}, median' },
      { expr: recentQuantile(0.95, pages), legend: '{{vm}}, 95 %' },
    ],
  ),
];

const relay = () => [
  graph(
    {
      title: 'Queue in the relay',
      description:
        'SENDs that waited when one had landed, on average: 0 means that the relay waits for the guest. While nothing is sent: of all so far.',
      unit: 'short',
      span: third,
    },
    [{ expr: recentMean(queue), legend: '{{vm}}' }],
  ),
  limited(
    {
      title: 'Starvation',
      description:
        'Share of the time in which a stream was open and had nothing to send. Above a half for a minute raises an alert.',
      unit: 'percentunit',
      span: third,
      thresholds: badFrom(0.5),
    },
    [{ expr: rate(starved), legend: '{{vm}}' }],
  ),
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
];

const loop = () => [
  graph(
    {
      title: 'Batch that the loop aims for',
      description:
        'Pages that a SEND was to hold at the end of the latest round (0: there was none), and the most that it may hold, on average.',
      unit: 'short',
      span: half,
    },
    [
      { expr: `max by (vm) (portkey_batch_pages{${ofHosts}})`, legend: '{{vm}}' },
      { expr: recentMean(largest), legend: '{{vm}}, at most' },
    ],
  ),
  counts(
    {
      title: 'Decisions on the batch',
      description: 'How often the loop has doubled (grown) or halved (shrunk) it since the agents started.',
      unit: 'short',
      span: half,
    },
    [{ expr: total(changes), legend: '{{vm}}: {{direction}}' }],
  ),
  list(
    {
      title: 'Decisions after rounds',
      description:
        'What the controllers have decided after pre-copy rounds since they started, and why: another round, freeze, throttle, or give up.',
      unit: 'short',
      span: half,
    },
    { expr: `sort_desc(${total(decisions)})`, legend: '{{mode}}: {{action}}, {{reason}}' },
  ),
  graph(
    {
      title: 'Sent and landed',
      description:
        'Bytes of pages and files that each relay sent to others, and that landed there, a second.',
      unit: 'Bps',
      span: half,
    },
    [
      {
        expr: rate({ counter: 'portkey_sent_bytes_total', where: ofHosts, by: 'host' }),
        legend: '{{host}} sent',
      },
      {
        expr: rate({ counter: 'portkey_landed_bytes_total', where: ofHosts, by: 'host' }),
        legend: '{{host}} landed',
      },
    ],
  ),
];
