import assert from 'node:assert/strict';

import { PageRanges, rangeFlag } from '../scan/page-ranges.js';
import { judgeDirty } from './container-memory.js';

function pages(clean: number, dirty: number): PageRanges {
  const ranges = new PageRanges();
  ranges.append(0, clean, 0);
  if (dirty > 0) ranges.append(clean, dirty, rangeFlag.softDirty);
  return ranges;
}

const isLeft = (tasks: readonly PageRanges[]): boolean => judgeDirty(tasks).leftToCriu;

describe("a frozen container's dirty pages", () => {
  it('are left to CRIU where they are one in 256, over all tasks, and no more', () => {
    assert.equal(isLeft([pages(25_600 - 100, 100)]), true);
    assert.equal(isLeft([pages(25_600 - 101, 101)]), false);
    assert.equal(isLeft([pages(25_600, 0), pages(25_600 - 150, 150)]), true);
    assert.equal(isLeft([pages(25_600, 60), pages(25_600 - 150, 150)]), false);
  });

  it('are sent where they are many, however large the container is', () => {
    assert.equal(isLeft([pages(2 ** 24, 4096)]), true);
    assert.equal(isLeft([pages(2 ** 24, 4097)]), false);
  });

  it('are told with what that was decided by', () => {
    assert.deepEqual(judgeDirty([pages(25_600, 60), pages(25_850 - 150, 150)]), {
      ...{ leftToCriu: false, dirtyPages: 210 },
      ...{ totalPages: 51_510, limitPages: 201 },
    });
    assert.deepEqual(judgeDirty([pages(2 ** 24, 4_096)]), {
      ...{ leftToCriu: true, dirtyPages: 4_096 },
      ...{ totalPages: 2 ** 24 + 4_096, limitPages: 4_096 },
    });
  });
});
