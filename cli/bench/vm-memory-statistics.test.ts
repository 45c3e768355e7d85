import assert from 'node:assert/strict';

import { sampleBenchMigration } from '../../tests/support/sample-bench.js';
import { sampleReport } from '../../tests/support/sample-report.js';
import { benchFile, type BenchFile } from './bench-file.js';
import type { BenchMigration } from './bench-migration.js';
import { barRows, checkBars } from './check-bars.js';
import { renderBench } from './page.js';
import type { Cell } from './plan.js';
import { benchText } from './tables.js';

const gib = 2 ** 30;
const cell: Cell = { memoryBytes: gib / 4, writeBytesPerSecond: 0 };
const { testbed } = sampleReport();

/** Migrations whose source used so much for the transfer. */
const migrations = (
  transfers: readonly number[],
  of = cell,
  mode: 'criu' | 'portkey' = 'portkey',
): BenchMigration[] =>
  transfers.map((transfer, index) => {
    const sample = sampleBenchMigration(of, { mode, repetition: index + 1, warmUp: false });
    const { source, destination } = sample.cpuSeconds;
    assert.ok(source !== null);
    return { ...sample, cpuSeconds: { source: { ...source, transfer }, destination } };
  });

const beds = (
  ...each: readonly { readonly vmGib: number; readonly of: readonly BenchMigration[] }[]
): BenchFile => {
  const [first, ...others] = each.map(({ vmGib, of }) => ({
    testbed: { ...testbed, vmMemoryBytes: vmGib * gib },
    migrations: of,
  }));
  assert.ok(first !== undefined);
  return benchFile(first.testbed, { ...first, floor: [], wholeVm: [] }, { bars: true }, others);
};

const barOf = (file: BenchFile): ReturnType<typeof checkBars>[number] | undefined =>
  checkBars(file.statistics).find(
    ({ unit, what }) => unit === '× the smaller VM' && what.startsWith('source'),
  );

describe('the same container in VMs of several memories', () => {
  it('is compared by the medians of the largest VM and the smallest, in whatever order they ran', () => {
    const [small, large] = [
      { vmGib: 2, of: migrations([2, 4, 3]) },
      { vmGib: 8, of: migrations([3, 3.09, 9]) },
    ];
    for (const file of [beds(small, large), beds(large, small)]) {
      const [entry] = file.statistics.vmMemory;
      assert.deepEqual(entry?.vms.map(({ vmMemoryBytes, source }) => [vmMemoryBytes / gib, source?.median]), [[2, 3], [8, 3.09]]); // prettier-ignore
      assert.ok(Math.abs((entry.timesSmallest.source ?? 0) - 1.03) < 1e-9);
      const bar = barOf(file);
      assert.deepEqual([bar?.met, bar?.vmMemoryBytes], [true, [2 * gib, 8 * gib]]);
      assert.ok(bar !== undefined);
      assert.deepEqual(barRows([bar])[0]?.slice(1), ['256 MiB in 2–8 GiB', '≤ 1.05 × the smaller VM', '1.03 ×', 'yes']); // prettier-ignore
    }
    assert.equal(barOf(beds(small, { vmGib: 8, of: migrations([3.2]) }))?.met, false);
  });

  it('leaves all other figures to the first of them', () => {
    const alone = beds({ vmGib: 2, of: migrations([2]) });
    const file = beds({ vmGib: 2, of: migrations([2]) }, { vmGib: 8, of: migrations([50]) });
    assert.deepEqual(file.migrations, alone.migrations);
    assert.deepEqual({ ...file.statistics, vmMemory: [] }, alone.statistics);
    assert.equal(file.otherBeds?.[0]?.modes[0]?.source.transfer?.median, 50);
    assert.equal(alone.otherBeds, undefined);
  });

  it('is no bar below four times the memory, for a written or a CRIU-mode container', () => {
    const written = { ...cell, writeBytesPerSecond: 5 };
    const pairs: [number, BenchMigration[]][] = [
      [4, migrations([2])],
      [8, migrations([2], written)],
      [8, migrations([2], cell, 'criu')],
    ];
    for (const [vmGib, of] of pairs) assert.equal(barOf(beds({ vmGib: 2, of }, { vmGib, of }))?.met, null);
  });

  it('is in the table and on the page', () => {
    const file = beds({ vmGib: 2, of: migrations([2]) }, { vmGib: 8, of: migrations([3]) });
    assert.match(benchText(file), /VM of 2 GiB +VM of 8 GiB +largest \/ smallest\n/);
    assert.match(benchText(file), /256 MiB, idle: Portkey, source +2\.00 s +3\.00 s +1\.50 ×\n/);
    assert.match(renderBench(file), /<h2>VMs of several memories<\/h2>/);
    const alone = beds({ vmGib: 2, of: migrations([2]) });
    for (const text of [benchText(alone), renderBench(alone)]) assert.doesNotMatch(text, /several memories/);
  });
});
