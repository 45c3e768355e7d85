import assert from 'node:assert/strict';

import fc from 'fast-check';

import { PageRanges, rangeFlag } from './page-ranges.js';
import { rangesOf } from './test-data.js';

describe('page ranges', () => {
  it('join what meets and is alike, and keep all of it', () => {
    const range = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 5 }), fc.nat(1));
    fc.assert(
      fc.property(fc.array(range, { maxLength: 600 }), (list) => {
        const ranges = new PageRanges();
        const model: [number, number][] = [];
        let page = 0;
        for (const [gap, count, flags] of list) {
          page += gap;
          ranges.append(page, count, flags);
          for (let offset = 0; offset < count; offset += 1) model.push([page + offset, flags]);
          page += count;
        }
        const pages = rangesOf(ranges).flatMap(([first, count, flags]) =>
          Array.from({ length: count }, (_, offset) => [first + offset, flags]),
        );
        assert.deepEqual(pages, model);
        assert.equal(ranges.pageCount, model.length);
      }),
    );
  });

  it('can be taken without those that are dirty, which are counted', () => {
    const ranges = new PageRanges();
    ranges.append(10, 3, 0);
    ranges.append(13, 2, rangeFlag.softDirty);
    ranges.append(15, 1, 0);
    ranges.append(20, 4, rangeFlag.vdso);
    assert.equal(ranges.countOf(rangeFlag.softDirty), 2);
    const clean = ranges.without(rangeFlag.softDirty);
    assert.deepEqual(rangesOf(clean), [
      [10, 3, 0],
      [15, 1, 0],
      [20, 4, rangeFlag.vdso],
    ]);
    assert.equal(clean.pageCount, 8);
  });
});
