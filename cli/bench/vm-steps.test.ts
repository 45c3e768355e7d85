import assert from 'node:assert/strict';

import { sampleBenchMigration } from '../../tests/support/sample-bench.js';
import type { BenchMigration } from './bench-migration.js';
import { modeStatisticsOf } from './statistics.js';
import { vmStepsTables } from './vm-steps-table.js';

const cell = { memoryBytes: 2 ** 28, writeBytesPerSecond: 0 };
type Steps = Readonly<Record<string, readonly [agent: number, programs: number]>>;

/** One whose source used so much in each step. */
function migration(mode: 'criu' | 'portkey', steps: Steps): BenchMigration {
  const byStep = Object.fromEntries(
    Object.entries(steps).map(([step, [agent, programs]]) => [step, { agent, programs }]),
  );
  return {
    ...sampleBenchMigration(cell, { mode, repetition: 1, warmUp: false }),
    guestCpuSeconds: { source: { agent: 1, programs: 1, byStep }, destination: null },
  };
}

describe("what a VM's CPU went to, step by step", () => {
  it('has the medians of each step, in which one that was not taken cost nothing', () => {
    const [portkey] = modeStatisticsOf([
      migration('portkey', { round: [1, 0], dump: [0.25, 2] }),
      migration('portkey', { round: [3, 0], throttle: [0.5, 0], dump: [0.5, 4] }),
      migration('portkey', { round: [2, 0], dump: [0.75, 3] }),
    ]);
    assert.deepEqual(portkey?.source.vmByStep, {
      round: {
        agent: { median: 2, minimum: 1, maximum: 3 },
        programs: { median: 0, minimum: 0, maximum: 0 },
      },
      dump: {
        agent: { median: 0.5, minimum: 0.25, maximum: 0.75 },
        programs: { median: 3, minimum: 2, maximum: 4 },
      },
      throttle: {
        agent: { median: 0, minimum: 0, maximum: 0.5 },
        programs: { median: 0, minimum: 0, maximum: 0 },
      },
    });
    assert.deepEqual(portkey.destination.vmByStep, {});
  });

  it('is over the migrations whose agent told', () => {
    const untold = { ...migration('criu', {}), guestCpuSeconds: { source: null, destination: null } };
    const [criu] = modeStatisticsOf([untold, migration('criu', { dump: [1, 2] })]);
    assert.equal(criu?.source.vmByStep['dump']?.programs?.minimum, 2);
  });

  it('has a table a host, with the steps in the order of a migration and a dash where a mode has none', () => {
    const modes = modeStatisticsOf([
      migration('criu', { between: [0.1, 0], dump: [0.5, 2], unheard: [1, 1], begin: [0.25, 0] }),
      migration('portkey', { between: [0.1, 0], finish: [0.3, 0.7], 'last-round': [0.2, 0], dump: [1, 1] }),
    ]);
    const [source, ...others] = vmStepsTables(modes);
    assert.match(source?.title ?? '', /the source’s VM/);
    assert.deepEqual(source?.head.slice(1), ['begin', 'last-round', 'dump', 'between', 'finish', 'unheard']);
    assert.deepEqual(source.rows, [
      ['256 MiB, idle: CRIU', '0.25 + 0.00', '–', '0.50 + 2.00', '0.10 + 0.00', '–', '1.00 + 1.00'],
      ['256 MiB, idle: Portkey', '–', '0.20 + 0.00', '1.00 + 1.00', '0.10 + 0.00', '0.30 + 0.70', '–'],
    ]);
    assert.deepEqual(others, []);
    assert.deepEqual(vmStepsTables([]), []);
  });
});
