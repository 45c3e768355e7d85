/**
 * From pagemap entries to the runs that must be sent, and the second look at where they are.
 *
 * No object per page, and no JavaScript either as long as nothing is amiss: frame-runs.ts looks at each page.
 */
import type { RunList } from '../../../libraries/hypercall/index.js';
import type { FrameRuns } from './frame-runs.js';
import type { PageSet } from './page-set.js';

/** Pagemap entries of consecutive pages, two words each; zero where a page is in the window but not asked for. */
export interface Window {
  readonly firstPage: number;
  readonly words: Int32Array;
  /** CRIU dumps the vdso's pages although they are not the task's own. */
  readonly isVdso: boolean;
}

/**
 * Appends to `runs` the frames of these pages of the window and notes the pages in `sent`. A page that is not there,
 * or not the task's own any more (a file's, the kernel's zero page), is left out of both, also if an earlier round
 * had sent it: what it holds is newer, and it must not be vouched for.
 */
export function selectRuns(
  frames: FrameRuns,
  window: Window,
  pages: { readonly first: number; readonly count: number },
  zeroPfn: number,
  sent: PageSet,
  runs: RunList,
): void {
  const part = { from: pages.first - window.firstPage, count: pages.count };
  const { bytes, pageCount } = frames.select(window, part, zeroPfn);
  if (pageCount === pages.count) {
    runs.appendAll(bytes, pageCount);
    sent.addRange(pages.first, pages.count);
    return;
  }
  sent.deleteRange(pages.first, pages.count);
  const before = runs.length;
  runs.appendAll(bytes, pageCount);
  for (let run = before; run < runs.length; run += 1) sent.addRange(runs.page(run), runs.count(run));
}

/**
 * Compares where the pages of a window are now with where the relay was told they are. A page whose frame changed in
 * between (compaction, a huge page's collapse, swap) may have been read from a frame that was somebody else's by then,
 * so it is taken out of `sent` and goes again. Returns how many those are, and how many pages were written since the
 * dirty bits were cleared.
 */
export function lookAgain(
  frames: FrameRuns,
  window: Window,
  now: Int32Array,
  zeroPfn: number,
  sent: PageSet,
): { movedPages: number; dirtyPages: number } {
  const { moved, dirtyPages } = frames.compare(window, now, zeroPfn);
  for (const offset of moved) sent.deleteRange(window.firstPage + offset, 1);
  return { movedPages: moved.length, dirtyPages };
}
