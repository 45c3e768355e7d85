import assert from 'node:assert/strict';

import fc from 'fast-check';

import { PAGE_BYTES } from '../../../libraries/units/index.js';
import { RamMap } from '../ram/ram-map.js';
import { GrantedFrames } from './granted-frames.js';

const present = 2n ** 63n;
const firstPfn = 0x100;
const pageCount = 64;
/** Two sections whose order in the file is not that of their addresses. */
const map = new RamMap([
  {
    guestAddress: firstPfn * PAGE_BYTES,
    byteLength: pageCount * PAGE_BYTES,
    fileOffset: pageCount * PAGE_BYTES,
  },
  { guestAddress: 0x1000 * PAGE_BYTES, byteLength: pageCount * PAGE_BYTES, fileOffset: 0 },
]);

function pagemap(pfns: readonly number[], flags = present): Buffer {
  const bytes = Buffer.alloc(pfns.length * 8);
  pfns.forEach((pfn, page) => bytes.writeBigUInt64LE(BigInt(pfn) | flags, page * 8));
  return bytes;
}

function offsetsOf(frames: GrantedFrames, page: number, count: number): number[] {
  const offsets: number[] = [];
  frames.locate(page, count, (fileOffset, byteLength) => {
    for (let at = 0; at < byteLength; at += PAGE_BYTES) offsets.push(fileOffset + at);
  });
  return offsets;
}

describe('the frames of a grant', () => {
  it('are found for any pages, wherever each of them is', () => {
    const pfn = fc.integer({ min: 0, max: 2 * pageCount - 1 });
    const fileOffset = (index: number): number =>
      (index < pageCount ? index + pageCount : index - pageCount) * PAGE_BYTES;
    fc.assert(
      fc.property(fc.uniqueArray(pfn, { minLength: 1 }), fc.nat(), fc.nat(), (indexes, first, length) => {
        const pfns = indexes.map((index) =>
          index < pageCount ? firstPfn + index : 0x1000 + index - pageCount,
        );
        const frames = new GrantedFrames(pagemap(pfns), map);
        const page = first % indexes.length;
        const count = 1 + (length % (indexes.length - page));
        assert.equal(frames.pageCount, indexes.length);
        assert.deepEqual(offsetsOf(frames, page, count), indexes.slice(page, page + count).map(fileOffset));
      }),
    );
  });

  it('are few runs where they are neighbours', () => {
    const neighbours = Array.from({ length: pageCount }, (_, index) => firstPfn + index);
    assert.equal(new GrantedFrames(pagemap(neighbours), map).runCount, 1);
  });

  it('are refused where one is missing, not told, or not RAM of the guest', () => {
    assert.throws(() => new GrantedFrames(pagemap([firstPfn, firstPfn + 1], 0n), map), { code: 'bad-run' });
    assert.throws(() => new GrantedFrames(pagemap([firstPfn, 0]), map), /not told/);
    assert.throws(() => new GrantedFrames(pagemap([firstPfn - 1]), map), { code: 'bad-run' });
    assert.throws(() => new GrantedFrames(Buffer.alloc(0), map), { code: 'bad-run' });
    const frames = new GrantedFrames(pagemap([firstPfn]), map);
    assert.throws(() => frames.locate(0, 2, () => undefined), { code: 'bad-run' });
  });
});
