import assert from 'node:assert/strict';

import fc from 'fast-check';

import { sampleBenchMigration } from '../../tests/support/sample-bench.js';
import type { BenchMigration } from './bench-migration.js';
import { modeStatisticsOf } from './statistics.js';
import { vmUsesOf } from './vm-uses.js';
import { vmUsesTable } from './vm-uses-table.js';

const cell = { memoryBytes: 2 ** 28, writeBytesPerSecond: 0 };
const sample = sampleBenchMigration(cell, { mode: 'portkey', repetition: 1, warmUp: false });

/** Of the agent, in each of two rounds. */
const round = (index: number, agentCpuSeconds: { scan: number; hypercalls: number } | null) => ({
  ...{ index, pages: 0, bytes: 0, seconds: 0, dirtyPagesAfter: 0, hypercalls: 0 },
  agentCpuSeconds,
});

/** One whose source used so much of CPU. */
function migration(vm: number, agent: number, programs: number): BenchMigration {
  const { source, destination } = sample.cpuSeconds;
  assert.ok(source !== null);
  return {
    ...sample,
    cpuSeconds: { source: { ...source, byComponent: { ...source.byComponent, vm } }, destination },
    guestCpuSeconds: { source: { agent, programs, byStep: {} }, destination: null },
  };
}

describe("what a VM's CPU went to", () => {
  it('adds up to what the host saw, also where the guest says more', () => {
    const seconds = fc.integer({ min: 0, max: 1000 });
    fc.assert(
      fc.property(seconds, seconds, seconds, (vm, agent, programs) => {
        const uses = vmUsesOf(migration(vm, agent, programs), 'source');
        assert.deepEqual([uses?.agent, uses?.programs], [agent, programs]);
        assert.equal((uses?.agent ?? 0) + (uses?.programs ?? 0) + (uses?.rest ?? 0), vm);
      }),
    );
  });

  it('tells scanning and hypercalls of the source’s agent apart where all of its rounds do', () => {
    const parted = [round(0, { scan: 0.5, hypercalls: 0.125 }), round(1, { scan: 0.25, hypercalls: 0 })];
    const told = { ...migration(4, 1, 2), rounds: parted };
    assert.deepEqual(vmUsesOf(told, 'source'), {
      ...{ agent: 1, scan: 0.75, hypercalls: 0.125, programs: 2, rest: 1 },
    });
    const older = { ...told, rounds: [...parted, round(2, null)] };
    assert.deepEqual(vmUsesOf(older, 'source'), {
      ...{ agent: 1, scan: null, hypercalls: null, programs: 2, rest: 1 },
    });
    const { source } = told.guestCpuSeconds;
    const uses = vmUsesOf({ ...told, guestCpuSeconds: { source, destination: source } }, 'destination');
    assert.deepEqual([uses?.agent, uses?.scan, uses?.hypercalls], [1, null, null]);
  });

  it('is not known where either did not answer', () => {
    const told = migration(4, 1, 1);
    assert.equal(vmUsesOf(told, 'destination'), null);
    const unread = { ...told, cpuSeconds: { source: null, destination: null } };
    assert.equal(vmUsesOf(unread, 'source'), null);
  });

  it('has its medians in a row a host, with the helpers and the idle share', () => {
    const all = [migration(4, 1, 2), migration(8, 1.5, 3), migration(6, 2, 1)];
    const modes = modeStatisticsOf(
      all.map((each, index) => ({ ...each, rounds: [round(0, { scan: index / 4, hypercalls: 1 / 8 })] })),
    );
    assert.deepEqual(modes[0]?.source.vmByUse, {
      agent: { median: 1.5, minimum: 1, maximum: 2 },
      scan: { median: 0.25, minimum: 0, maximum: 0.5 },
      hypercalls: { median: 0.125, minimum: 0.125, maximum: 0.125 },
      programs: { median: 2, minimum: 1, maximum: 3 },
      rest: { median: 3, minimum: 1, maximum: 3.5 },
    });
    const table = vmUsesTable(modes);
    const [source, destination] = table?.rows ?? [];
    assert.deepEqual(source?.slice(0, 6), [
      ...['256 MiB, idle: Portkey, source', '1.50', '0.25', '0.13', '2.00', '3.00'],
    ]);
    assert.equal(source.at(-1), sample.cpuSeconds.source?.idle.toFixed(2));
    assert.deepEqual(destination?.slice(1, 6), ['–', '–', '–', '–', '–']);
    assert.equal(table?.head.length, source.length);
  });

  it('has no table where no agent told', () => {
    const untold = { ...sample, guestCpuSeconds: { source: null, destination: null } };
    assert.equal(vmUsesTable(modeStatisticsOf([untold])), undefined);
    assert.equal(vmUsesTable([]), undefined);
  });
});
