/**
 * What the checkpoint service remembers of one task over the rounds of a migration.
 *
 * Per round: `withdrawMoved` gives up what was put over pages that were sent, `ownPages` asks which pages are the task's own
 * and which of them were written, `clearDirty` has that begin anew (while the tasks stand still, except in the very first round); `select` looks up the frames of those that must be
 * sent; after these have landed, `revalidate` finds pages that moved meanwhile. Between the dirty bits' clearing and
 * `revalidate` the task may run, map and unmap as it likes: a page is sent as it is when its frame is looked up or later,
 * and what is written after the clearing is dirty again.
 *
 * A page must be sent if it was written since the dirty bits were last cleared, or was never sent yet. The second
 * half makes a task that is new, and a page that moved under the relay, need no rule of their own.
 */
import { RunList } from '../../../libraries/hypercall/index.js';
import type { Task } from '../../../libraries/runtime/index.js';
import type { PageSpan } from './address-space.js';
import type { FrameRuns } from './frame-runs.js';
import { PageRanges, rangeFlag } from './page-ranges.js';
import { PageSet } from './page-set.js';
import { PageTables } from './page-tables.js';
import { wordsPerEntry } from './pagemap-words.js';
import { lookAgain, selectRuns, type Window } from './select.js';
import type { TaskPagemap } from './task-pagemap.js';

/** A part of the address space, as it was looked at, and what of it was sent. */
export interface SelectedWindow {
  readonly window: Window;
  readonly runs: RunList;
}

/** What a second look at the windows that were sent has shown. */
export interface SecondLook {
  readonly movedPages: number;
  /** Where the dirty pages have been counted, by address; small windows are not worth leaving out of a scan. */
  readonly counted: readonly PageSpan[];
  readonly dirtyPages: number;
}

/** One task's memory as the kernel shows it: `TaskPagemap`, or a test's. */
export type Pagemap = Pick<
  TaskPagemap,
  'isCurrent' | 'close' | 'clearDirty' | 'ownPages' | 'dirtyPageCount' | 'entries' | 'look'
>;

/** As a DROP names it. */
const noFrame = 0;
/** With one page that is gone for so many that are there, the landing is within 1.2 times what the task has. */
const pagesPerGonePage = 16;
/** A gap that costs less to read over than another system call. */
const widestGap = 256;
/** Each part of a mapping that is scanned by itself is a system call. */
const leastCountedPages = 4096;

export class TaskMemory {
  private readonly sent = new PageSet();
  private readonly tables = new PageTables();
  /** What the landing may hold of the task: all that was ever sent and has not been given back. */
  private readonly landed = new PageSet();

  /** Takes the pagemap over: `close` closes it. */
  constructor(
    readonly task: Pick<Task, 'pid' | 'namespacePid'>,
    private readonly pagemap: Pagemap,
    private readonly zeroPfn: number,
    private readonly frames: FrameRuns,
  ) {}

  /** False once the task called exec: what is known is of memory that is gone. */
  isCurrent(): boolean {
    return this.pagemap.isCurrent();
  }

  close(): void {
    this.pagemap.close();
  }

  /** Of a task that stands still, before anything is asked of it: pages that mremap has put over others are strangers. */
  withdrawMoved(): void {
    this.tables.withdrawMoved(this.sent, (page) => this.pagemap.look(page, 1));
  }

  /** The task's own pages now. */
  ownPages(): PageRanges {
    const pages = this.pagemap.ownPages();
    // A page that was unmapped is a stranger when it comes back, be it clean: khugepaged may fill a hole with zeroes.
    this.sent.keepOnly(eachRange(pages));
    return pages;
  }

  /**
   * Of a running task before its pages are looked at: a write in between is then dirty again. Of a task that stands still
   * after it, or the bits would be lost.
   */
  clearDirty(): void {
    this.pagemap.clearDirty();
  }

  /**
   * Those of these pages that are not dirty. The others count as never sent from here on: the kernel may take a page's
   * dirty bit away (KSM does, when it merges one), and the page would then pass for one that was sent as it is.
   */
  cleanOf(pages: PageRanges): PageRanges {
    for (let index = 0; index < pages.length; index += 1)
      if (pages.has(index, rangeFlag.softDirty))
        this.sent.deleteRange(pages.first(index), pages.count(index));
    return pages.without(rangeFlag.softDirty);
  }

  /** How many pages were written since the clearing. What `revalidate` has counted is not looked at again. */
  dirtyPageCount({ counted, dirtyPages }: SecondLook): number {
    return dirtyPages + this.pagemap.dirtyPageCount(counted);
  }

  /** What must be sent of these pages. */
  due(pages: PageRanges): PageRanges {
    return this.collect(pages, (index) => pages.has(index, rangeFlag.softDirty));
  }

  /** Those of these pages that were never sent, or have moved since. */
  unsent(pages: PageRanges): PageRanges {
    return this.collect(pages, () => false);
  }

  /**
   * What has landed and is none of these pages, which are all that the task has now; it counts as given back from here
   * on. Nothing where it is little: the landing may hold that much more than the task.
   */
  takeGone(pages: PageRanges): RunList {
    const gone = this.landed.outside(eachRange(pages));
    const runs = new RunList();
    if (gone.pageCount <= pages.pageCount / pagesPerGonePage) return runs;
    gone.eachRange((firstPage, pageCount) => runs.push(noFrame, pageCount, firstPage));
    this.landed.keepOnly(eachRange(pages));
    return runs;
  }

  /**
   * Looks up the frames of these pages, a window whenever the caller wants the next. Those that are no longer the task's
   * own are left out.
   */
  *select(pages: PageRanges): Generator<SelectedWindow, void> {
    const pagesPerWindow = this.frames.capacity;
    for (let from = 0; from < pages.length;) {
      const until = windowEnd(pages, from, pagesPerWindow);
      const [firstPage, isVdso] = [pages.first(from), pages.has(from, rangeFlag.vdso)];
      // A single range may be longer than a window.
      const pageCount = pages.end(until - 1) - firstPage;
      for (let done = 0; done < pageCount; done += pagesPerWindow) {
        const first = firstPage + done;
        const count = Math.min(pagesPerWindow, pageCount - done);
        const window = { firstPage: first, words: this.pagemap.entries(first, count, isVdso), isVdso };
        const runs = new RunList();
        let gapFrom = 0;
        for (let index = from; index < until; index += 1) {
          const start = Math.max(first, pages.first(index));
          const end = Math.min(first + count, pages.end(index));
          if (start >= end) continue;
          const part = { first: start, count: end - start };
          selectRuns(this.frames, window, part, this.zeroPfn, this.sent, runs);
          this.tables.note(window, part, this.sent);
          this.landed.addRange(part.first, part.count);
          // What was not asked for is not to be compared later.
          window.words.fill(0, gapFrom, wordsPerEntry * (start - first));
          gapFrom = wordsPerEntry * (end - first);
        }
        window.words.fill(0, gapFrom);
        yield { window, runs };
      }
      from = until;
    }
  }

  /** After everything has landed: withdraws what moved meanwhile. */
  revalidate(selected: readonly SelectedWindow[]): SecondLook {
    const counted: PageSpan[] = [];
    let [movedPages, dirtyPages] = [0, 0];
    for (const { window } of selected) {
      const { firstPage, words } = window;
      const pageCount = words.length / wordsPerEntry;
      const now = this.pagemap.look(firstPage, pageCount);
      const found = lookAgain(this.frames, window, now, this.zeroPfn, this.sent);
      movedPages += found.movedPages;
      if (pageCount < leastCountedPages) continue;
      counted.push({ firstPage, pageCount });
      dirtyPages += found.dirtyPages;
    }
    return { movedPages, counted, dirtyPages };
  }

  private collect(pages: PageRanges, isDue: (index: number) => boolean): PageRanges {
    const due = new PageRanges();
    for (let index = 0; index < pages.length; index += 1) {
      // What is due for its dirt and what was never sent may meet in one range.
      const flags = pages.flags(index) & rangeFlag.vdso;
      if (isDue(index)) due.append(pages.first(index), pages.count(index), flags);
      else
        this.sent.eachMissing(pages.first(index), pages.count(index), (first, count) =>
          due.append(first, count, flags),
        );
    }
    return due;
  }
}

/** The range behind the last one that is looked up together with range `from`. */
function windowEnd(pages: PageRanges, from: number, pagesPerWindow: number): number {
  let until = from + 1;
  while (
    until < pages.length &&
    pages.end(until) - pages.first(from) <= pagesPerWindow &&
    pages.first(until) - pages.end(until - 1) <= widestGap &&
    pages.flags(until) === pages.flags(from)
  ) {
    until += 1;
  }
  return until;
}

function* eachRange(pages: PageRanges): Generator<{ firstPage: number; pageCount: number }> {
  for (let index = 0; index < pages.length; index += 1)
    yield { firstPage: pages.first(index), pageCount: pages.count(index) };
}
