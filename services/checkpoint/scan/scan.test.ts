import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import fc from 'fast-check';

import { RunList } from '../../../libraries/hypercall/index.js';
import { skip } from '../../../tests/support/skip.js';
import { FrameRuns } from './frame-runs.js';
import { lookThrough } from './own-pages.js';
import { PageRanges, rangeFlag } from './page-ranges.js';
import { PageSet } from './page-set.js';
import { entryWords, isPresent, isSwapped } from './pagemap-words.js';
import { lookAgain, selectRuns, type Window } from './select.js';
import { PagemapReader, TaskPagemap } from './task-pagemap.js';
import { rangesOf } from './test-data.js';

const zeroPfn = 7;
const frames = new FrameRuns();
const firstPage = 0x7f0000000;

/** A pagemap entry, or null for a page that is not in memory. Few frames, so that runs and moves come up. */
const entry = fc.option(
  fc.record({ pfn: fc.integer({ min: 1, max: 12 }), file: fc.boolean(), softDirty: fc.boolean() }),
  { nil: null, freq: 6 },
);
const entries = fc.array(entry, { minLength: 1, maxLength: 64 });
type Entry = { pfn: number; file: boolean; softDirty: boolean } | null;

function wordsOf(list: readonly Entry[]): Int32Array {
  return Int32Array.from(list.flatMap((one) => (one === null ? [0, 0] : entryWords(one))));
}

function windowOf(list: readonly Entry[], isVdso = false): Window {
  return { firstPage, words: wordsOf(list), isVdso };
}

const allOf = (list: readonly Entry[]) => ({ first: firstPage, count: list.length });

/** The runs as pairs of page and frame, one per page. */
function pagesOf(runs: RunList): [number, number][] {
  const pages: [number, number][] = [];
  for (let run = 0; run < runs.length; run += 1) {
    for (let offset = 0; offset < runs.count(run); offset += 1)
      pages.push([runs.page(run) + offset, runs.pfn(run) + offset]);
  }
  return pages;
}

describe('the scan', () => {
  it('sends what is private and present of the pages it is told: no more, no less, in order', () => {
    fc.assert(
      fc.property(entries, fc.nat(63), fc.nat(64), fc.boolean(), (list, from, length, isVdso) => {
        const start = Math.min(from, list.length);
        const count = Math.min(length, list.length - start);
        const sent = new PageSet();
        const runs = new RunList();
        selectRuns(frames, windowOf(list, isVdso), { first: firstPage + start, count }, zeroPfn, sent, runs);

        const own = [...list.entries()].flatMap(([offset, one]) =>
          offset >= start &&
          offset < start + count &&
          one !== null &&
          (!one.file || isVdso) &&
          one.pfn !== zeroPfn
            ? [{ offset, pfn: one.pfn }]
            : [],
        );
        assert.deepEqual(
          pagesOf(runs),
          own.map(({ offset, pfn }) => [firstPage + offset, pfn]),
        );
        for (let offset = 0; offset < list.length; offset += 1)
          assert.equal(
            sent.has(firstPage + offset),
            own.some((page) => page.offset === offset),
          );
      }),
    );
  });

  it('makes one run of pages that follow each other in address and frame', () => {
    const list = [3, 4, 5, 6].map((pfn) => ({ pfn: pfn + 100, file: false, softDirty: true }));
    const runs = new RunList();
    selectRuns(frames, windowOf(list), allOf(list), zeroPfn, new PageSet(), runs);
    assert.equal(runs.length, 1);
    assert.equal(runs.count(0), 4);
  });

  it('keeps frames apart whose numbers end alike, above and below 2^32', () => {
    const list = [2 ** 32 - 1, 2 ** 32, 1, 2 ** 33 + 2].map((pfn) => ({
      pfn,
      file: false,
      softDirty: false,
    }));
    const runs = new RunList();
    selectRuns(frames, windowOf(list), allOf(list), zeroPfn, new PageSet(), runs);
    assert.deepEqual(
      pagesOf(runs).map(([, pfn]) => pfn),
      list.map(({ pfn }) => pfn),
    );
  });

  it('sends a page again whose frame changed under the relay, and only that', () => {
    fc.assert(
      fc.property(entries, entries, (before, now) => {
        const sent = new PageSet();
        const runs = new RunList();
        const window = windowOf(before);
        selectRuns(frames, window, allOf(before), zeroPfn, sent, runs);
        const after = before.map((_, offset) => now[offset] ?? null);
        const { movedPages, dirtyPages } = lookAgain(frames, window, wordsOf(after), zeroPfn, sent);

        const kept = pagesOf(runs).filter(([page, pfn]) => after[page - firstPage]?.pfn === pfn);
        assert.equal(movedPages, runs.pageCount - kept.length);
        const dirty = new PageRanges();
        lookThrough(wordsOf(after), firstPage, zeroPfn, true, dirty);
        assert.equal(dirtyPages, dirty.pageCount);
        for (const [page, pfn] of pagesOf(runs))
          assert.equal(sent.has(page), after[page - firstPage]?.pfn === pfn);
      }),
    );
  });

  it('finds the same pages entry by entry as the kernel does by itself', async function () {
    // Every other page of 64 MiB: more ranges than the kernel hands over at once.
    const program =
      'const b = Buffer.allocUnsafeSlow(2 ** 26); for (let i = 0; i < b.length; i += 8192) b[i] = 1; ' +
      "process.stdout.write('filled'); setInterval(() => b, 1000);";
    const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await once(child.stdout, 'data');
      child.kill('SIGSTOP');
      await new Promise((resolve) => setTimeout(resolve, 100));
      const reader = new PagemapReader(zeroPfn);
      const pagemap = TaskPagemap.open({ pid: child.pid ?? 0 }, reader);
      assert.ok(pagemap);
      const asked = rangesOf(pagemap.ownPages());
      if (!reader.hasScan) skip(this, 'this kernel has no PAGEMAP_SCAN');
      reader.hasScan = false;
      const looked = rangesOf(pagemap.ownPages());
      pagemap.close();
      assert.ok(asked.length > 2_000, `${asked.length} ranges`);
      assert.deepEqual(asked, looked);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('reads a task that has ended as empty', async () => {
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    const pagemap = TaskPagemap.open({ pid: child.pid ?? 0 }, new PagemapReader(zeroPfn));
    assert.ok(pagemap);
    child.kill('SIGKILL');
    await once(child, 'exit');
    pagemap.clearDirty();
    assert.deepEqual(
      [pagemap.ownPages().length, pagemap.dirtyPageCount(), pagemap.isCurrent()],
      [0, 0, false],
    );
    assert.ok(pagemap.entries(firstPage, 4, false).every((word) => word === 0));
    pagemap.close();
  });

  it('takes of entries what is in memory or swapped out, and not a file’s', () => {
    const swapped = [0, 2 ** 30] as const;
    const words = Int32Array.from([
      ...entryWords({ pfn: 1, softDirty: true }),
      ...entryWords({ pfn: 2, softDirty: true }),
      ...entryWords({ pfn: 3, file: true }),
      ...swapped,
      ...entryWords({ pfn: zeroPfn }),
      ...[0, 0],
      ...entryWords({ pfn: 9 }),
    ]);
    const [all, dirty] = [new PageRanges(), new PageRanges()];
    lookThrough(words, 100, zeroPfn, false, all);
    lookThrough(words, 100, zeroPfn, true, dirty);
    assert.deepEqual(rangesOf(all), [
      [100, 2, rangeFlag.softDirty],
      [103, 1, 0],
      [106, 1, 0],
    ]);
    assert.deepEqual(rangesOf(dirty), [[100, 2, rangeFlag.softDirty]]);
  });
});

describe('the compiled loop', () => {
  it('says whether a page has no frame, as the entries themselves say', () => {
    const word = fc.constantFrom(0, 1 << 31, 1 << 30, (1 << 31) | (1 << 29), (1 << 30) | (1 << 23));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 40 }), fc.boolean(), (highs, isVdso) => {
        const words = Int32Array.from(highs.flatMap((high) => [1, high]));
        const expected = highs.some((high) => isSwapped(high) || (isVdso && !isPresent(high)));
        assert.equal(frames.hasAbsent(words, isVdso), expected);
      }),
    );
  });

  it('takes a whole window, each page a run of its own, and no more than that', () => {
    const list = Array.from({ length: frames.capacity }, (_, page) => ({ pfn: 10 + 2 * page, file: false }));
    const window = { firstPage, words: Int32Array.from(list.flatMap(entryWords)), isVdso: false };
    const whole = frames.select(window, { from: 0, count: frames.capacity }, zeroPfn);
    assert.deepEqual([whole.pageCount, whole.bytes.length / 16], [frames.capacity, frames.capacity]);
    const { bytes, pageCount } = frames.select(window, { from: frames.capacity - 2, count: 2 }, zeroPfn);
    assert.equal(pageCount, 2);
    const runs = RunList.fromBytes(Buffer.from(bytes));
    assert.deepEqual(pagesOf(runs), [
      [firstPage + frames.capacity - 2, 10 + 2 * (frames.capacity - 2)],
      [firstPage + frames.capacity - 1, 10 + 2 * (frames.capacity - 1)],
    ]);
    const larger = { ...window, words: new Int32Array(2 * (frames.capacity + 1)) };
    assert.throws(() => frames.select(larger, { from: 0, count: frames.capacity + 1 }, zeroPfn), RangeError);
  });
});
