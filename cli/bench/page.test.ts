import assert from 'node:assert/strict';

import { sampleBench, sampleBenchMigration } from '../../tests/support/sample-bench.js';
import { sampleReport } from '../../tests/support/sample-report.js';
import { benchFile } from './bench-file.js';
import { medianMigration } from './figures.js';
import { renderBench } from './page.js';
import { benchText } from './tables.js';

const cell = { memoryBytes: 2 ** 28, writeBytesPerSecond: 0 };
const { testbed } = sampleReport();

describe("the experiment's page", () => {
  it('is one file without references to anything outside', () => {
    const page = renderBench(sampleBench(), { sample: true });
    assert.doesNotMatch(page, /<script|src=|href=|@import|url\((?!#)/);
    assert.match(page, /Sample data, made up/);
  });

  it('has a picture for each thing that is plotted', () => {
    const page = renderBench(sampleBench());
    for (const label of [
      'CPU seconds of the source host by size, write rate, mode and component',
      'CPU seconds of the destination host by size, write rate, mode and component',
      'CPU seconds per GiB of the relays and of the floor',
      'Hypercalls against size',
      'source host: CPU of the transfer against size',
      '256 MiB: downtime against write rate',
      '1 GiB: total time against write rate',
      'Pages per round: 64 MiB, 10 MiB/s',
    ])
      assert.ok(page.includes(`aria-label="${label}"`), label);
    assert.match(page, /Portkey mode against CRIU mode with 1 GiB, idle, median of 3 pairs/);
    assert.match(page, /<h2>Growth with size<\/h2>/);
    assert.equal(page.match(/class="line stroke-portkey dashed"/g)?.length, 2, 'a fitted line a host');
  });

  it('has what the CPU of the VMs went to where the agents told', () => {
    const page = renderBench(sampleBench());
    assert.match(page, /<h2>CPU of the VMs, by what used it<\/h2>/);
    assert.match(page, /<h2>CPU of the VMs, step by step<\/h2>/);
    assert.match(page, /<h3>CPU in the destination’s VM, by step: [^]*<th>restore<\/th>/);
    const one = sampleBenchMigration(cell, { mode: 'portkey', repetition: 1, warmUp: false });
    const untold = { ...one, guestCpuSeconds: { source: null, destination: null } };
    const file = benchFile(testbed, { migrations: [untold], floor: [], wholeVm: [] }, { bars: false });
    for (const text of [renderBench(file), benchText(file)])
      assert.doesNotMatch(text, /by what used it|by step/);
  });

  it('has the bars where they were asked for', () => {
    assert.match(
      renderBench(sampleBench()),
      /<h2>Bars<\/h2>[^]*this project’s reading of &quot;linear&quot;/,
    );
    const without = sampleBench({ bars: false });
    for (const text of [renderBench(without), benchText(without)])
      assert.doesNotMatch(text, /Bars|this project’s reading/);
  });

  it('holds with one mode, one migration, without CPU, without a floor, and with nothing', () => {
    const planned = { mode: 'portkey', repetition: 1, warmUp: false } as const;
    const one = sampleBenchMigration(cell, planned);
    for (const migrations of [
      [one],
      [{ ...one, cpuSeconds: { source: null, destination: null } }],
      [{ ...one, guestCpuSeconds: { ...one.guestCpuSeconds, source: null } }],
      [{ ...one, rounds: [], hypercalls: 0, downtimeSeconds: null }],
      [sampleBenchMigration(cell, { ...planned, mode: 'criu' as const })],
      [{ ...one, outcome: 'failed' as const }],
      [],
    ]) {
      const file = benchFile(testbed, { migrations, floor: [], wholeVm: [] }, { bars: true });
      for (const text of [renderBench(file), benchText(file)])
        assert.doesNotMatch(text, /NaN|undefined|Infinity/);
    }
  });

  it('holds with whole-VM migration alone, and has its line, bars and table where it was measured', () => {
    const file = sampleBench();
    const alone = benchFile(testbed, { migrations: [], floor: [], wholeVm: file.wholeVm }, { bars: true });
    for (const text of [renderBench(alone), benchText(alone)])
      assert.doesNotMatch(text, /NaN|undefined|Infinity/);
    const page = renderBench(file);
    assert.match(page, /<h2>Whole-VM migration<\/h2>/);
    assert.equal(page.match(/class="line stroke-whole-vm"/g)?.length, 6, 'one line in each picture of times');
    assert.ok((page.match(/>whole VM<\/text>/g)?.length ?? 0) >= 18, 'one bar a cell and host');
  });

  it('shows the rounds of the migration in the middle', () => {
    const counted = [5, 1, 3, 9].map((totalSeconds) => ({
      ...sampleBenchMigration(cell, { mode: 'criu', repetition: 1, warmUp: false }),
      workload: { name: 'redis', ...cell },
      totalSeconds,
    }));
    assert.equal(medianMigration(counted)?.totalSeconds, 3);
    assert.equal(medianMigration([]), undefined);
  });
});

describe("the experiment's tables", () => {
  it('have medians with their range a cell, savings of all cells, and bars', () => {
    const text = benchText(sampleBench());
    assert.match(text, /^64 MiB, idle\n\nmedian \(minimum–maximum\) +CRIU +Portkey +whole VM \(QEMU\)\n/);
    assert.match(text, /\ntotal time +5\.35 \(5\.19–5\.52\) s +4\.18/);
    assert.match(text, /\nCPU of the VMs, by what used it: medians in seconds\n/);
    assert.match(text, /\nCPU in the source’s VM, by step: .*\n\nsize, writes: mode +round +dump\n/);
    assert.match(text, /\n\nIn each step the agent \+ the programs .* in no other figure\.\n/);
    assert.match(text, /\nsize, writes +source transfer .* relay \/ floor\n/);
    assert.match(text, /\n1 GiB, idle +\d+ \(\d+–\d+\) % .* 1\.20 ×\n/);
    assert.match(text, /\nPortkey mode against whole-VM migration by QEMU, median against median\n/);
    assert.match(text, /\npages sent .* –\n/);
    assert.match(text, /\nBars\n[^]*this project’s reading of "linear"[^]*measure\.js\.$/);
  });
});
