import assert from 'node:assert/strict';

import fc from 'fast-check';

import { maxPageIndex, maxPagesPerRun, maxPfn } from './limits.js';
import { RunList } from './run-list.js';
import { anyRun } from './test-data.js';

function pagesOf(list: RunList): string[] {
  const pages: string[] = [];
  for (let index = 0; index < list.length; index += 1) {
    for (let page = 0; page < list.count(index); page += 1) {
      pages.push(`${list.pfn(index) + page}→${list.page(index) + page}`);
    }
  }
  return pages;
}

describe('RunList', () => {
  it('gives back every run that was pushed', () => {
    fc.assert(
      fc.property(fc.array(anyRun, { maxLength: 200 }), (runs) => {
        const list = new RunList(1);
        for (const { pfn, count, page } of runs) list.push(pfn, count, page);
        const copy = RunList.fromBytes(list.bytes());
        for (const read of [list, copy]) {
          assert.deepEqual(
            runs.map((_, index) => ({
              pfn: read.pfn(index),
              count: read.count(index),
              page: read.page(index),
            })),
            runs,
          );
          assert.equal(
            read.pageCount,
            runs.reduce((sum, run) => sum + run.count, 0),
          );
        }
      }),
    );
  });

  it('appends so that pages and their order stay, in as few runs as there are gaps', () => {
    const step = fc.record({
      pfn: fc.integer({ min: 0, max: 12 }),
      count: fc.integer({ min: 1, max: 3 }),
      page: fc.integer({ min: 0, max: 12 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (runs) => {
        const pushed = new RunList();
        const appended = new RunList();
        for (const { pfn, count, page } of runs) {
          pushed.push(pfn, count, page);
          appended.append(pfn, count, page);
        }
        assert.deepEqual(pagesOf(appended), pagesOf(pushed));
        assert.equal(appended.pageCount, pushed.pageCount);
        for (let index = 1; index < appended.length; index += 1) {
          const end = appended.count(index - 1);
          const follows =
            appended.pfn(index - 1) + end === appended.pfn(index) &&
            appended.page(index - 1) + end === appended.page(index);
          assert.equal(follows, false);
        }
      }),
    );
  });

  it('copies as many runs of another list as fit, and no more', () => {
    const limits = fc.tuple(
      fc.oneof(fc.nat(40), fc.constant(Infinity)),
      fc.oneof(fc.nat(4000), fc.constant(Infinity)),
    );
    fc.assert(
      fc.property(fc.array(anyRun, { maxLength: 60 }), fc.nat(60), limits, (runs, from, limit) => {
        const [maxRuns, maxPages] = limit;
        const source = new RunList(1);
        for (const { pfn, count, page } of runs) source.push(pfn, count, page);
        const list = new RunList(1);
        list.push(1, 1, 1);
        const end = list.appendFrom(source, from, maxRuns, maxPages);
        const copied = runs.slice(from, Math.max(from, end));
        const expected = new RunList();
        expected.push(1, 1, 1);
        for (const { pfn, count, page } of copied) expected.push(pfn, count, page);
        assert.deepEqual(list.bytes(), expected.bytes());
        assert.equal(list.pageCount, expected.pageCount);
        const next = runs[end];
        if (copied.length > 0) assert.ok(list.length <= maxRuns && list.pageCount <= maxPages);
        if (next !== undefined) assert.ok(list.length >= maxRuns || list.pageCount + next.count > maxPages);
      }),
    );
  });

  it('starts a new run where the count would not fit', () => {
    const list = new RunList();
    list.append(0, maxPagesPerRun, 0);
    list.append(maxPagesPerRun, 1, maxPagesPerRun);
    assert.equal(list.length, 2);
    assert.equal(list.pageCount, maxPagesPerRun + 1);
  });

  it('takes the largest numbers and refuses larger ones', () => {
    const list = new RunList();
    list.push(maxPfn, 1, maxPageIndex);
    assert.equal(list.pfn(0), maxPfn);
    assert.equal(list.page(0), maxPageIndex);
    for (const [pfn, count, page] of [
      [maxPfn, 2, 0],
      [0, 0, 0],
      [0, maxPagesPerRun + 1, 0],
      [-1, 1, 0],
      [0, 1, maxPageIndex + 1],
      [Number.NaN, 1, 0],
    ] as const) {
      assert.throws(() => list.push(pfn, count, page), { code: 'invalid-argument' });
    }
  });

  it('is empty after clear, and names a run that is not there', () => {
    const list = new RunList();
    list.push(1, 2, 3);
    list.clear();
    assert.equal(list.length, 0);
    assert.equal(list.pageCount, 0);
    assert.throws(() => list.pfn(0), /no run 0/);
  });
});
