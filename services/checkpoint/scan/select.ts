/**
 * From pagemap entries to the runs that must be sent, and the second look at where they are.
 *
 * This is the hot loop of a migration: word by word, no object per page, and for a page in the frame behind the last
 * one's just two comparisons.
 */
import type { RunList } from '../../../libraries/hypercall/index.js';
import { isFile, isPresent, pfnOf } from './pagemap-words.js';
import type { PageSet } from './page-set.js';

/** Pagemap entries of consecutive pages, two words each. */
export interface Window {
  readonly firstPage: number;
  readonly words: Int32Array;
  /** CRIU dumps the vdso's pages although they are not the task's own. */
  readonly isVdso: boolean;
}

const twoTo32 = 2 ** 32;

/**
 * Appends to `runs` the frames of these pages of the window and notes the pages in `sent`. A page that is not there,
 * or not the task's own any more (a file's, the kernel's zero page), is left out of both, also if an earlier round
 * had sent it: what it holds is newer, and it must not be vouched for.
 */
export function selectRuns(
  { firstPage, words, isVdso }: Window,
  pages: { readonly first: number; readonly count: number },
  zeroPfn: number,
  sent: PageSet,
  runs: RunList,
): void {
  sent.deleteRange(pages.first, pages.count);
  const zeroLow = (zeroPfn % twoTo32) | 0;
  const end = 2 * (pages.first + pages.count - firstPage);
  let runPfn = 0;
  let runPage = 0;
  let runLength = 0;
  let nextLow = 0;
  let nextHigh = 0;
  const flush = (): void => {
    if (runLength === 0) return;
    runs.append(runPfn, runLength, runPage);
    sent.addRange(runPage, runLength);
    runLength = 0;
    nextHigh = 0;
  };
  for (let at = 2 * (pages.first - firstPage); at < end; at += 2) {
    const low = words[at] ?? 0;
    const high = words[at + 1] ?? 0;
    // Low words of 0 begin anew, because the frames behind 2^32 need another high word.
    if (low === nextLow && high === nextHigh && low !== zeroLow && low !== 0) {
      nextLow = (low + 1) | 0;
      runLength += 1;
      continue;
    }
    flush();
    if (!isPresent(high) || (isFile(high) && !isVdso)) continue;
    const pfn = pfnOf(low, high);
    if (pfn === zeroPfn) continue;
    runPfn = pfn;
    runPage = firstPage + at / 2;
    runLength = 1;
    nextLow = (low + 1) | 0;
    nextHigh = high;
  }
  flush();
}

/**
 * Compares where the sent pages of a window are now with where the relay was told they are. A page whose frame
 * changed in between (compaction, a huge page's collapse, swap) may have been read from a frame that was
 * somebody else's by then, so it is taken out of `sent` and goes again. Returns how many those are.
 */
export function withdrawMoved(before: Window, now: Int32Array, runs: RunList, sent: PageSet): number {
  if (bytesOf(before.words).equals(bytesOf(now))) return 0;
  let moved = 0;
  for (let run = 0; run < runs.length; run += 1) {
    const pfn = runs.pfn(run);
    const page = runs.page(run);
    for (let offset = 0; offset < runs.count(run); offset += 1) {
      const at = 2 * (page + offset - before.firstPage);
      const high = now[at + 1] ?? 0;
      if (isPresent(high) && pfnOf(now[at] ?? 0, high) === pfn + offset) continue;
      sent.deleteRange(page + offset, 1);
      moved += 1;
    }
  }
  return moved;
}

const bytesOf = (words: Int32Array): Buffer => Buffer.from(words.buffer, words.byteOffset, words.byteLength);
