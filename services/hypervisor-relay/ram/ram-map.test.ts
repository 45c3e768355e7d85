import assert from 'node:assert/strict';

import fc from 'fast-check';

import { RunList } from '../../../libraries/hypercall/index.js';
import { RamMap } from './ram-map.js';

const page = 4096;
const map = new RamMap([
  { guestAddress: 0, byteLength: 10 * page, fileOffset: 100 * page },
  { guestAddress: 10 * page, byteLength: 10 * page, fileOffset: 0 },
  { guestAddress: 50 * page, byteLength: 10 * page, fileOffset: 200 * page },
]);

/** Where each page of RAM is, said the slow way. */
function slowly(pfn: number): number | undefined {
  if (pfn < 10) return pfn + 100;
  if (pfn < 20) return pfn - 10;
  if (pfn >= 50 && pfn < 60) return pfn + 150;
  return undefined;
}

describe('RamMap', () => {
  it('finds each page of each run, or refuses the run whole', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 70 }), fc.integer({ min: 1, max: 30 }), (pfn, count) => {
        const expected = Array.from({ length: count }, (_, index) => slowly(pfn + index));
        const found: number[] = [];
        const locate = (): void =>
          map.locate(pfn * page, count * page, (offset, length) => {
            for (let at = 0; at < length; at += page) found.push((offset + at) / page);
          });
        const runs = new RunList();
        runs.push(pfn, count, 0);
        if (expected.includes(undefined)) {
          assert.throws(locate, { code: 'bad-run' });
          assert.throws(() => map.requireRuns(runs), { code: 'bad-run' });
          assert.deepEqual(found, []);
        } else {
          locate();
          map.requireRuns(runs);
          assert.deepEqual(found, expected);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('says how much RAM there is and how long its file must be', () => {
    assert.equal(map.ramBytes, 30 * page);
    assert.equal(map.fileBytes, 210 * page);
  });

  it('refuses runs at the end of what an address can say', () => {
    const runs = new RunList();
    runs.push(2 ** 40 - 1, 1, 0);
    assert.throws(() => map.requireRuns(runs), { code: 'bad-run', message: /0xffffffffff000 are not RAM/ });
  });

  it('has no RAM where there is none', () => {
    assert.throws(() => new RamMap([]).locate(0, 1, () => undefined), { code: 'bad-run' });
  });
});
