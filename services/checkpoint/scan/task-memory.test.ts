import assert from 'node:assert/strict';

import fc from 'fast-check';

import type { PageSpan } from './address-space.js';
import { FrameRuns } from './frame-runs.js';
import { PageRanges } from './page-ranges.js';
import { entryWords } from './pagemap-words.js';
import { TaskMemory, type Pagemap } from './task-memory.js';

const firstPage = 0x7000;
const pageCount = 40_000;

/** Pages in frames that follow each other, but for some that are not there. Counts how often each is looked at. */
class StandingTask implements Pagemap {
  readonly words = new Int32Array(2 * pageCount);
  scannedPages = 0;

  constructor(absent: readonly PageSpan[]) {
    for (let page = 0; page < pageCount; page += 1) this.write(page, false);
    for (const span of absent) this.words.fill(0, 2 * span.firstPage, 2 * (span.firstPage + span.pageCount));
  }

  write(page: number, softDirty: boolean): void {
    this.words.set(entryWords({ pfn: 1000 + page, softDirty }), 2 * page);
  }

  move(page: number): void {
    this.words.set(entryWords({ pfn: 500_000 + page }), 2 * page);
  }

  isThere(page: number): boolean {
    return this.words[2 * page + 1] !== 0;
  }

  isDirty(page: number): boolean {
    return ((this.words[2 * page + 1] ?? 0) & (1 << 23)) !== 0;
  }

  ownPages(): PageRanges {
    const ranges = new PageRanges();
    for (let page = 0; page < pageCount; page += 1)
      if (this.isThere(page)) ranges.append(firstPage + page, 1, 0);
    return ranges;
  }

  dirtyPageCount(except: readonly PageSpan[] = []): number {
    let dirty = 0;
    for (let page = 0; page < pageCount; page += 1) {
      const address = firstPage + page;
      if (except.some((span) => address >= span.firstPage && address < span.firstPage + span.pageCount))
        continue;
      this.scannedPages += 1;
      if (this.isDirty(page)) dirty += 1;
    }
    return dirty;
  }

  look(first: number, count: number): Int32Array {
    return this.words.slice(2 * (first - firstPage), 2 * (first - firstPage + count));
  }

  entries(first: number, count: number): Int32Array {
    return this.look(first, count);
  }

  isCurrent = (): boolean => true;
  clearDirty = (): void => undefined;
  close = (): void => undefined;
}

describe("a task's memory, looked at again", () => {
  const frames = new FrameRuns();
  const page = fc.nat(pageCount - 1);
  const hole = fc.record({ firstPage: fc.nat(pageCount - 700), pageCount: fc.integer({ min: 1, max: 700 }) });

  it('has each dirty page counted once, and only what moved of what was sent withdrawn', () => {
    fc.assert(
      fc.property(
        fc.array(hole, { maxLength: 4 }),
        fc.uniqueArray(page, { maxLength: 30 }),
        fc.uniqueArray(page, { maxLength: 10 }),
        fc.array(hole, { maxLength: 3 }),
        (holes, written, moved, notAskedFor) => {
          const task = new StandingTask(holes);
          const memory = new TaskMemory({ pid: 1, namespacePid: 1 }, task, 7, frames);
          const isAskedFor = (one: number): boolean =>
            !notAskedFor.some((span) => one >= span.firstPage && one < span.firstPage + span.pageCount);
          const asked = new PageRanges();
          for (let one = 0; one < pageCount; one += 1)
            if (task.isThere(one) && isAskedFor(one)) asked.append(firstPage + one, 1, 0);
          const windows = [...memory.select(asked)];
          const there = moved.filter((one) => task.isThere(one));
          for (const one of written) task.write(one, true);
          for (const one of there) task.move(one);

          const look = memory.revalidate(windows);
          const again = there.filter(isAskedFor);
          assert.equal(look.movedPages, again.length);
          const unsent = memory.unsent(asked);
          assert.equal(unsent.pageCount, again.length);
          const dirty = Array.from({ length: pageCount }, (_, one) => one).filter((one) => task.isDirty(one));
          assert.equal(memory.dirtyPageCount(look), dirty.length);
          assert.ok(task.scannedPages < pageCount, 'what was compared is not scanned once more');
        },
      ),
      { numRuns: 30 },
    );
  });
});
