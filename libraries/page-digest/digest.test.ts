import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';

import fc from 'fast-check';

import { PAGE_BYTES } from '../units/index.js';
import {
  digestPages,
  regionCount,
  regionsOf,
  runsOfNumbers,
  type ByteSpan,
  type PageRun,
  type RegionDigest,
} from './index.js';

const never = new AbortController().signal;
/** Pages of a made-up task around a border between two regions, and far above. */
const places = [...Array.from({ length: 24 }, (_, index) => 500 + index), 2 ** 34, 2 ** 34 + 1];

const contentOf = (page: number): Buffer => createHash('sha512').update(String(page)).digest();

/** Reads made-up content, with these bytes other than they were. */
function reader(flipped: readonly number[] = []): (page: number, into: Buffer) => void {
  return (page, into) => {
    for (let at = 0; at < into.length; at += PAGE_BYTES)
      into.subarray(at, at + PAGE_BYTES).fill(contentOf(page + at / PAGE_BYTES));
    for (const address of flipped) {
      const at = address - page * PAGE_BYTES;
      if (at >= 0 && at < into.length) into[at] = (into[at] ?? 0) ^ 1;
    }
  };
}

const digest = (
  runs: readonly PageRun[],
  flipped: readonly number[] = [],
  leftOut: readonly ByteSpan[] = [],
): Promise<RegionDigest[]> => digestPages({ runs, leftOut }, reader(flipped), never);

const singles = (pages: readonly number[]): PageRun[] => pages.map((page) => ({ page, pageCount: 1 }));

/** The same pages in longer runs; where two are joined is decided by `joins`. */
function joined(pages: readonly number[], joins: readonly boolean[]): PageRun[] {
  const runs: { page: number; pageCount: number }[] = [];
  for (const [index, page] of pages.entries()) {
    const last = runs.at(-1);
    if (last !== undefined && last.page + last.pageCount === page && joins[index] === true)
      last.pageCount += 1;
    else runs.push({ page, pageCount: 1 });
  }
  return runs;
}

const somePages = fc.subarray(places, { minLength: 1 });

describe('digests of pages', () => {
  it('do not depend on how the pages came in runs', async () => {
    await fc.assert(
      fc.asyncProperty(
        somePages,
        fc.array(fc.boolean(), { minLength: places.length, maxLength: places.length }),
        async (pages, joins) => {
          assert.deepEqual(await digest(joined(pages, joins)), await digest(singles(pages)));
        },
      ),
    );
  });

  it('depend on every byte, in the region in which it is', async () => {
    await fc.assert(
      fc.asyncProperty(somePages, fc.nat(), fc.nat(PAGE_BYTES - 1), async (pages, pick, offset) => {
        const page = pages[pick % pages.length] ?? 0;
        const [before, after] = [
          await digest(singles(pages)),
          await digest(singles(pages), [page * PAGE_BYTES + offset]),
        ];
        const changed = before.filter((region, index) => after[index]?.digest.equals(region.digest) !== true);
        assert.deepEqual(
          changed.map((region) => region.page),
          [page - (page % 512)],
        );
      }),
    );
  });

  it('depend on which pages there are', async () => {
    await fc.assert(
      fc.asyncProperty(somePages, somePages, async (some, others) => {
        fc.pre(some.join() !== others.join());
        assert.notDeepEqual(await digest(singles(some)), await digest(singles(others)));
      }),
    );
    // The same content at another address.
    const content = (_page: number, into: Buffer): void => void into.fill(7);
    const at = (page: number): Promise<RegionDigest[]> =>
      digestPages({ runs: singles([page]), leftOut: [] }, content, never);
    const [[first], [second]] = [await at(1), await at(2)];
    assert.ok(first !== undefined && second !== undefined && !first.digest.equals(second.digest));
  });

  it('leave out what is the kernel’s to write, and nothing beside it', async () => {
    const pages = singles([510, 511, 512, 513]);
    // Across the border between two pages that are in two regions.
    const span = { address: 512 * PAGE_BYTES - 16, byteLength: 32 };
    const undisturbed = await digest(pages, [], [span]);
    for (const inside of [span.address, span.address + 31])
      assert.deepEqual(await digest(pages, [inside], [span]), undisturbed);
    for (const outside of [span.address - 1, span.address + 32])
      assert.notDeepEqual(await digest(pages, [outside], [span]), undisturbed);
  });

  it('have the bytes of the format', async () => {
    const [region] = await digest([{ page: 3, pageCount: 2 }]);
    const head = Buffer.alloc(16);
    head.writeUInt32LE(3, 0);
    head.writeUInt32LE(2, 8);
    const hash = createHash('blake2b512').update(head);
    for (const page of [3, 4]) hash.update(Buffer.alloc(PAGE_BYTES, contentOf(page)));
    assert.deepEqual(region, { page: 0, pageCount: 2, digest: hash.digest() });
  });

  it('end when they are no longer wanted, and refuse pages that are out of order', async () => {
    const aborted = AbortSignal.abort(new Error('no longer'));
    await assert.rejects(digestPages({ runs: singles([1]), leftOut: [] }, reader(), aborted), /no longer/);
    for (const pages of [
      [2, 1],
      [1, 1],
    ])
      await assert.rejects(digest(singles(pages)), /out of order at page 1/);
  });

  it('are of as many regions as are counted from the runs alone', () => {
    const lengths = fc.array(
      fc.record({ gap: fc.nat(2_000), pageCount: fc.integer({ min: 1, max: 2_000 }) }),
    );
    fc.assert(
      fc.property(lengths, (list) => {
        let end = 0;
        const runs = list.map(({ gap, pageCount }) => {
          const page = end + gap;
          end = page + pageCount;
          return { page, pageCount };
        });
        assert.equal(regionCount(runs), [...regionsOf(runs)].length);
      }),
    );
    assert.equal(regionCount([{ page: 0, pageCount: 2 ** 35 }]), 2 ** 26);
  });

  it('travel with runs as numbers', () => {
    const runs = joined(
      places,
      places.map(() => true),
    );
    const numbers = runs.flatMap(({ page, pageCount }) => [page, pageCount]);
    assert.deepEqual([...runsOfNumbers(numbers)], runs);
  });
});
