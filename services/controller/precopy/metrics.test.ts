import assert from 'node:assert/strict';

import { Registry } from 'prom-client';

import { decide, type PrecopyState } from './decide.js';
import { PrecopyMetrics } from './metrics.js';

const first: PrecopyState = {
  roundsDone: 1,
  maxRounds: 8,
  remainingPages: 30_000,
  previousRemainingPages: undefined,
  bytesPerSecond: 2 ** 27,
  dirtyPagesPerSecond: 4_000,
  scanSeconds: 0.25,
  maxDowntimeSeconds: 0.5,
  fixedDowntimeSeconds: 1.5,
  mayThrottle: true,
  cpuShare: 1,
};
const second: PrecopyState = {
  ...first,
  roundsDone: 2,
  remainingPages: 7_500,
  previousRemainingPages: 30_000,
  mayThrottle: false,
  cpuShare: 0.5,
};

async function metricsOf(...states: readonly PrecopyState[]): Promise<(name: string) => number | undefined> {
  const registry = new Registry();
  const metrics = new PrecopyMetrics(registry);
  for (const state of states) metrics.decided('portkey', state, decide(state));
  const text = await registry.metrics();
  return (name) => {
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${name}{mode="portkey"} `));
    return line === undefined ? undefined : Number(line.split(' ')[1]);
  };
}

describe('the metrics of pre-copy decisions', () => {
  it('have every input and prediction of every decision', async () => {
    const value = await metricsOf(first, second);
    const sums = {
      rounds: 3,
      round_limit: 16,
      remaining_pages: 37_500,
      remaining_ratio: 0.25,
      throughput_bytes_per_second: 2 ** 28,
      dirty_pages_per_second: 8_000,
      scan_seconds: 0.5,
      downtime_target_seconds: 1,
      fixed_downtime_seconds: 3,
      cpu_ratio: 1.5,
      predicted_send_seconds: decide(first).sendSeconds + decide(second).sendSeconds,
      predicted_last_round_seconds: decide(first).lastRoundSeconds + decide(second).lastRoundSeconds,
      predicted_downtime_seconds:
        decide(first).predictedDowntimeSeconds + decide(second).predictedDowntimeSeconds,
      predicted_remaining_pages:
        decide(first).predictedRemainingPages + decide(second).predictedRemainingPages,
      next_cpu_ratio: 1.5,
    };
    assert.deepEqual(
      Object.fromEntries(Object.keys(sums).map((name) => [name, value(`portkey_precopy_${name}_sum`)])),
      sums,
    );
    assert.equal(value('portkey_precopy_rounds_count'), 2);
    assert.equal(value('portkey_precopy_throttleable_decisions_total'), 1);
    assert.equal(value('portkey_migration_dirty_pages_per_second'), 4_000);
  });

  it('count a decision of which not all is known', async () => {
    const value = await metricsOf({ ...first, bytesPerSecond: 0 });
    assert.equal(value('portkey_precopy_remaining_pages_count'), 1);
    assert.equal(value('portkey_precopy_throughput_bytes_per_second_sum'), 0);
    assert.equal(value('portkey_precopy_remaining_ratio_count'), 0);
    assert.equal(value('portkey_precopy_predicted_downtime_seconds_count'), 0);
  });
});
