import assert from 'node:assert/strict';

import { sampleBenchMigration, sampleWholeVm } from '../../tests/support/sample-bench.js';
import { modeStatisticsOf } from './statistics.js';
import { wholeVmStatisticsOf } from './whole-vm.js';

const cell = { memoryBytes: 2 ** 30, writeBytesPerSecond: 0 };

describe('whole-VM migration', () => {
  it('has the medians of what counts, per cell', () => {
    const other = { ...cell, writeBytesPerSecond: 5 };
    const statistics = wholeVmStatisticsOf(
      [
        ...[3, 1, 2].map((totalSeconds) => ({ ...sampleWholeVm(cell, 1), totalSeconds })),
        { ...sampleWholeVm(cell, 1), totalSeconds: 100, verified: false },
        { ...sampleWholeVm(cell, 1), totalSeconds: 100, verified: null },
        { ...sampleWholeVm(cell, 1), totalSeconds: 100, connectionKept: false },
        { ...sampleWholeVm(other, 1), totalSeconds: 7 },
      ],
      [],
    );
    assert.deepEqual(
      statistics.map(({ writeBytesPerSecond, count, totalSeconds }) => [
        writeBytesPerSecond,
        count,
        totalSeconds,
      ]),
      [
        [0, 3, { median: 2, minimum: 1, maximum: 3 }],
        [5, 1, { median: 7, minimum: 7, maximum: 7 }],
      ],
    );
  });

  it('is what Portkey mode is compared with, median against median', () => {
    const modes = modeStatisticsOf(
      [4, 6, 20].map((totalSeconds, index) => ({
        ...sampleBenchMigration(cell, { mode: 'portkey', repetition: index + 1, warmUp: false }),
        totalSeconds,
      })),
    );
    const [statistics] = wholeVmStatisticsOf([{ ...sampleWholeVm(cell, 1), totalSeconds: 8 }], modes);
    assert.equal(statistics?.portkeyTimes.totalTime, 0.75);
    const source = statistics.source?.median ?? NaN;
    assert.equal(statistics.portkeyTimes.sourceTotal, (modes[0]?.source.total?.median ?? NaN) / source);
  });

  it('has no ratio without Portkey mode, and none to nothing', () => {
    const criu = [sampleBenchMigration(cell, { mode: 'criu', repetition: 1, warmUp: false })];
    const none = { totalTime: null, downtime: null, sourceTotal: null, destinationTotal: null };
    const [statistics] = wholeVmStatisticsOf([sampleWholeVm(cell, 1)], modeStatisticsOf(criu));
    assert.deepEqual(statistics?.portkeyTimes, none);
    const portkey = [sampleBenchMigration(cell, { mode: 'portkey', repetition: 1, warmUp: false })];
    const instant = { ...sampleWholeVm(cell, 1), downtimeSeconds: 0 };
    const [other] = wholeVmStatisticsOf([instant], modeStatisticsOf(portkey));
    assert.equal(other?.portkeyTimes.downtime, null);
    assert.ok((other.portkeyTimes.totalTime ?? 0) > 0);
  });
});
