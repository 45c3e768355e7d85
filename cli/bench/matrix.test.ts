import assert from 'node:assert/strict';

import { sampleMigration, sampleReport } from '../../tests/support/sample-report.js';
import { cellsOf, median, mediansOf, modeOrder } from './matrix.js';
import { renderBench } from './page.js';

describe('the experiment', () => {
  it('runs every size with every write rate', () => {
    assert.deepEqual(
      cellsOf([1, 2], [0, 5]).map(({ memoryBytes, writeBytesPerSecond }) => [
        memoryBytes,
        writeBytesPerSecond,
      ]),
      [
        [1, 0],
        [1, 5],
        [2, 0],
        [2, 5],
      ],
    );
  });

  it('turns the order of the modes around each time', () => {
    assert.deepEqual(modeOrder(['criu', 'portkey'], 3), [
      'criu',
      'portkey',
      'portkey',
      'criu',
      'criu',
      'portkey',
    ]);
  });

  it('takes medians', () => {
    assert.deepEqual([median([3, 1, 2]), median([4, 1, 2, 3]), median([7]), median([])], [2, 2.5, 7, 0]);
  });

  it('groups by size, write rate and mode, over completed and verified migrations alone', () => {
    const medians = mediansOf([
      sampleMigration('criu', { totalSeconds: 1 }),
      sampleMigration('criu', { totalSeconds: 3 }),
      sampleMigration('criu', { totalSeconds: 100, outcome: 'failed' }),
      sampleMigration('criu', { totalSeconds: 100, verified: null }),
      sampleMigration('criu', { totalSeconds: 100, connectionKept: false }),
      sampleMigration('portkey', { workload: { name: 'redis', memoryBytes: 1, writeBytesPerSecond: 0 } }),
      sampleMigration('portkey', { workload: null }),
    ]);
    assert.deepEqual(
      medians.map(({ mode, memoryBytes, count, totalSeconds }) => [mode, memoryBytes, count, totalSeconds]),
      [
        ['criu', 268_435_456, 2, 2],
        ['portkey', 1, 1, medians[1]?.totalSeconds],
      ],
    );
  });

  it('has a page for its results and for none', () => {
    assert.match(renderBench(sampleReport()), /256 MiB, 5 MiB\/s/);
    assert.doesNotMatch(renderBench({ ...sampleReport(), migrations: [] }), /NaN|undefined/);
  });
});
