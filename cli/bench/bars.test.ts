import assert from 'node:assert/strict';

import { sampleBench } from '../../tests/support/sample-bench.js';
import { bars } from './bars.js';
import type { BenchStatistics } from './bench-statistics.js';
import { barRows, checkBars, type BarResult } from './check-bars.js';

const nothing: BenchStatistics = { modes: [], savings: [], relay: [], wholeVm: [], growth: [], vmMemory: [] };

describe('the bars', () => {
  const find = (results: readonly BarResult[], what: string, writes = 0): BarResult | undefined =>
    results.find(
      (bar) => bar.what === what && bar.memoryBytes === 2 ** 30 && bar.writeBytesPerSecond === writes,
    );

  it('are not measured where their cell was not run', () => {
    const results = checkBars(nothing);
    assert.equal(results.length, bars.length);
    assert.ok(results.every(({ measured, met }) => measured === null && met === null));
    assert.ok(barRows(results).every((row) => row[3] === 'not measured' && row[4] === '–'));
    const ofRun = checkBars(sampleBench().statistics);
    // The sample has neither containers of 2 GiB nor VMs of several memories.
    assert.deepEqual(
      [...new Set(ofRun.filter(({ met }) => met === null).map((bar) => bar.memoryBytes))],
      [2 ** 31, 2 ** 28],
    );
  });

  it('are met on the right side of their limit, the limit included', () => {
    const { statistics } = sampleBench();
    const withSaving = (median: number): BenchStatistics => ({
      ...statistics,
      savings: statistics.savings.map((entry) => {
        const spread = { median, minimum: median, maximum: median };
        return { ...entry, percentLess: { ...entry.percentLess, sourceTransfer: spread, totalTime: spread } };
      }),
    });
    const metAt = (median: number): (boolean | null | undefined)[] => {
      const results = checkBars(withSaving(median));
      return [find(results, 'source host CPU, transfer')?.met, find(results, 'total time')?.met];
    };
    assert.deepEqual([metAt(49), metAt(50), metAt(75)], [[false, false], [false, true], [true, true]]); // prettier-ignore
  });

  it('take hypercalls and relays from Portkey mode', () => {
    const { statistics } = sampleBench();
    const results = checkBars(statistics);
    const portkey = statistics.modes.find(
      ({ mode, memoryBytes, writeBytesPerSecond }) =>
        mode === 'portkey' && memoryBytes === 2 ** 30 && writeBytesPerSecond === 10 * 2 ** 20,
    );
    assert.equal(find(results, 'hypercalls', 10 * 2 ** 20)?.measured, portkey?.hypercalls?.median);
    assert.equal(
      find(results, 'relay CPU per GiB')?.measured,
      statistics.relay.find((entry) => entry.memoryBytes === 2 ** 30)?.timesFloor,
    );
  });

  it('take whole-VM migration as it was measured', () => {
    const { statistics } = sampleBench();
    const idle = statistics.wholeVm.find(
      (entry) => entry.memoryBytes === 2 ** 30 && entry.writeBytesPerSecond === 0,
    );
    const bar = checkBars(statistics).find(({ unit }) => unit === '× whole-VM migration');
    assert.ok(idle?.portkeyTimes.totalTime);
    assert.equal(bar?.measured, idle.portkeyTimes.totalTime);
    assert.equal(bar.met, idle.portkeyTimes.totalTime <= 0.5);
  });

  it('judge growth by the idle sizes of Portkey mode, where they span what the bar asks for', () => {
    const { statistics } = sampleBench();
    const growth = statistics.growth.find(({ mode }) => mode === 'portkey');
    assert.ok(growth?.source);
    const bent = {
      ...growth,
      sizes: [2 ** 26, 2 ** 28, 2 ** 31],
      source: { ...growth.source, deviationPercent: 10.1, aboveForetoldPercent: 25 },
    };
    const results = checkBars({ ...statistics, growth: [bent] }).filter(({ sizes }) => sizes !== undefined);
    const [deviation, foretold] = results;
    assert.deepEqual([deviation?.measured, deviation?.met], [10.1, false]);
    assert.deepEqual([foretold?.measured, foretold?.met], [25, true]);
    assert.equal(barRows(results)[0]?.[1], '64 MiB–2 GiB, idle');
    const small = checkBars(statistics);
    assert.ok(small.every(({ sizes, met }) => sizes === undefined || met === null));
    assert.equal(barRows(small.filter(({ sizes }) => sizes !== undefined))[0]?.[1], '64 MiB–2 GiB, idle');
  });

  it('are read with their unit', () => {
    const [row] = barRows([
      { what: 'downtime', memoryBytes: 2 ** 30, writeBytesPerSecond: 0, sense: 'at most', limit: 0.7, unit: '× CRIU mode', measured: 0.614, met: true }, // prettier-ignore
    ]);
    assert.deepEqual(row, ['downtime', '1 GiB, idle', '≤ 0.7 × CRIU mode', '0.61 ×', 'yes']);
  });
});
