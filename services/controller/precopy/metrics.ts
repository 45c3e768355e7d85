/**
 * Each pre-copy decision and what it was made of, for Prometheus. The event of a decision has the same figures
 * together, as one migration had them; here each is counted for itself, over all migrations in a mode.
 *
 * Limits: before the second round nobody knows by how much rounds shrink, and while no page has travelled the times to
 * send them are infinite; both are left out.
 */
import { Counter, Gauge, type Registry } from 'prom-client';

import { counterFromZero, Figures, type Figure } from '../../../libraries/service/index.js';
import { migrationModes, type MigrationMode } from '../state/index.js';
import {
  decisionKinds,
  giveUpSeconds,
  shrinkFactor,
  tinyPageCount,
  type Decision,
  type PrecopyState,
} from './decide.js';

const roundBuckets = [1, 2, 3, 4, 5, 6, 8, 12, 20];
const pageBuckets = [0, tinyPageCount, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576];
const pageRateBuckets = [0, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144];
/** From 1 MiB/s to 4 GiB/s. */
const throughputBuckets = [0, 2, 4, 6, 8, 10, 12].map((power) => 2 ** (20 + power));
const shrinkBuckets = [0.01, 0.03, 0.1, 0.3, 0.5, 0.7, shrinkFactor, 1, 1.5];
const scanBuckets = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3];
const waitBuckets = [0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1, 2, 3, 5, 10, 30, giveUpSeconds];
const cpuBuckets = [0.125, 0.25, 0.5, 1];

const inputs: readonly Figure<PrecopyState>[] = [
  {
    name: 'portkey_precopy_rounds',
    help: 'Rounds done when a pre-copy decision was taken.',
    buckets: roundBuckets,
    of: (state) => state.roundsDone,
  },
  {
    name: 'portkey_precopy_round_limit',
    help: 'Rounds after which the container is frozen whatever is left.',
    buckets: roundBuckets,
    of: (state) => state.maxRounds,
  },
  {
    name: 'portkey_precopy_remaining_pages',
    help: 'Pages that were written while the latest round ran, so still to be sent.',
    buckets: pageBuckets,
    of: (state) => state.remainingPages,
  },
  {
    name: 'portkey_precopy_remaining_ratio',
    help: 'What the latest round left of the pages that it had found.',
    buckets: shrinkBuckets,
    of: ({ remainingPages, previousRemainingPages: found }) =>
      found === undefined ? undefined : remainingPages / found,
  },
  {
    name: 'portkey_precopy_throughput_bytes_per_second',
    help: 'How fast pages travel, of the best round so far.',
    buckets: throughputBuckets,
    of: (state) => state.bytesPerSecond,
  },
  {
    name: 'portkey_precopy_dirty_pages_per_second',
    help: 'How fast the container wrote to its pages.',
    buckets: pageRateBuckets,
    of: (state) => state.dirtyPagesPerSecond,
  },
  {
    name: 'portkey_precopy_scan_seconds',
    help: 'What a round costs before its first page travels.',
    buckets: scanBuckets,
    of: (state) => state.scanSeconds,
  },
  {
    name: 'portkey_precopy_downtime_target_seconds',
    help: 'What the sending of the pages that are left may take.',
    buckets: waitBuckets,
    of: (state) => state.maxDowntimeSeconds,
  },
  {
    name: 'portkey_precopy_fixed_downtime_seconds',
    help: 'Downtime that does not depend on the pages left, as lately measured.',
    buckets: waitBuckets,
    of: (state) => state.fixedDowntimeSeconds,
  },
  {
    name: 'portkey_precopy_cpu_ratio',
    help: 'Of the CPU that the container used by itself, what it was allowed; 1 while not throttled.',
    buckets: cpuBuckets,
    of: (state) => state.cpuShare,
  },
];

const predictions: readonly Figure<Decision>[] = [
  {
    name: 'portkey_precopy_predicted_send_seconds',
    help: 'How long the pages that are left would travel.',
    buckets: waitBuckets,
    of: (decision) => decision.sendSeconds,
  },
  {
    name: 'portkey_precopy_predicted_last_round_seconds',
    help: 'The same with the scan, were the container frozen now.',
    buckets: waitBuckets,
    of: (decision) => decision.lastRoundSeconds,
  },
  {
    name: 'portkey_precopy_predicted_downtime_seconds',
    help: 'The downtime, were the container frozen now.',
    buckets: waitBuckets,
    of: (decision) => decision.predictedDowntimeSeconds,
  },
  {
    name: 'portkey_precopy_predicted_remaining_pages',
    help: 'Pages that one more round would leave.',
    buckets: pageBuckets,
    of: (decision) => decision.predictedRemainingPages,
  },
  {
    name: 'portkey_precopy_next_cpu_ratio',
    help: 'Of the CPU that the container used by itself, what it may use from the decision on.',
    buckets: cpuBuckets,
    of: (decision) => decision.nextCpuShare,
  },
];

export class PrecopyMetrics {
  private readonly decisions: Counter<'mode' | 'action' | 'reason'>;
  private readonly throttleable: Counter<'mode'>;
  private readonly dirtyRate: Gauge<'mode'>;
  private readonly inputs: Figures<PrecopyState, 'mode'>;
  private readonly predictions: Figures<Decision, 'mode'>;

  constructor(registry: Registry) {
    const registers = [registry];
    const labels = { mode: migrationModes };
    this.decisions = new Counter({
      name: 'portkey_precopy_decisions_total',
      help: 'Decisions after pre-copy rounds, by what was decided and why.',
      labelNames: ['mode', 'action', 'reason'],
      registers,
    });
    for (const mode of migrationModes)
      for (const { action, reason } of decisionKinds) this.decisions.inc({ mode, action, reason }, 0);
    this.throttleable = counterFromZero(registry, {
      name: 'portkey_precopy_throttleable_decisions_total',
      help: 'Those of portkey_precopy_decisions_total that were free to throttle the container.',
      labels,
    });
    this.dirtyRate = new Gauge({
      name: 'portkey_migration_dirty_pages_per_second',
      help: 'How fast the container of the latest round wrote to its pages.',
      labelNames: ['mode'],
      registers,
    });
    this.inputs = new Figures(registry, inputs, labels);
    this.predictions = new Figures(registry, predictions, labels);
  }

  decided(mode: MigrationMode, state: PrecopyState, decision: Decision): void {
    const { action, reason } = decision;
    this.decisions.inc({ mode, action, reason });
    this.throttleable.inc({ mode }, state.mayThrottle ? 1 : 0);
    this.dirtyRate.set({ mode }, state.dirtyPagesPerSecond);
    this.inputs.observe(state, { mode });
    this.predictions.observe(decision, { mode });
  }
}
