import assert from 'node:assert/strict';

import fc from 'fast-check';

import { PageSet } from './page-set.js';

describe('a page set', () => {
  it('does what a Set does', () => {
    const page = fc.oneof(fc.nat(2000), fc.integer({ min: 2 ** 35 - 1600, max: 2 ** 35 - 800 }));
    const step = fc.tuple(
      fc.constantFrom('add', 'add', 'delete', 'keep'),
      page,
      fc.integer({ min: 1, max: 700 }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), page, fc.nat(700), (steps, asked, askedCount) => {
        const set = new PageSet();
        const model = new Set<number>();
        for (const [what, first, count] of steps) {
          if (what === 'keep') {
            // Two parts with a hole between them.
            const second = { firstPage: first + count + 3, pageCount: count };
            set.keepOnly([{ firstPage: first, pageCount: count }, second]);
            for (const number of model) {
              const at = number - first;
              if (at < 0 || at >= 2 * count + 3 || (at >= count && at < count + 3)) model.delete(number);
            }
            continue;
          }
          if (what === 'add') set.addRange(first, count);
          else set.deleteRange(first, count);
          for (let offset = 0; offset < count; offset += 1) {
            if (what === 'add') model.add(first + offset);
            else model.delete(first + offset);
          }
        }
        const missing: number[] = [];
        set.eachMissing(asked, askedCount, (first, count) => {
          for (let offset = 0; offset < count; offset += 1) missing.push(first + offset);
        });
        const expected = Array.from({ length: askedCount }, (_, offset) => asked + offset);
        assert.deepEqual(
          missing,
          expected.filter((number) => !model.has(number)),
        );
        for (const number of expected) assert.equal(set.has(number), model.has(number));
        const listed = (pages: PageSet): number[] => {
          const numbers: number[] = [];
          pages.eachRange((first, count) => {
            for (let offset = 0; offset < count; offset += 1) numbers.push(first + offset);
          });
          return numbers;
        };
        const sorted = [...model].sort((one, other) => one - other);
        assert.deepEqual(listed(set), sorted);
        assert.equal(set.pageCount, sorted.length);
        const rest = set.outside([{ firstPage: asked, pageCount: askedCount }]);
        assert.deepEqual(
          listed(rest),
          sorted.filter((number) => number < asked || number >= asked + askedCount),
        );
        assert.equal(set.pageCount, sorted.length, 'the set itself stays as it was');
      }),
    );
  });
});
