/**
 * The scan itself: from a block of pagemap entries to the runs that must be sent.
 *
 * A page is sent if it is the task's own (present, not a file's, not the kernel's zero page) and either was
 * written since the dirty bits were last cleared or was never sent yet. The second half makes a task that is new,
 * and a page that moved under the relay, need no rule of their own.
 *
 * This is the hot loop of a migration: word by word, no object per page.
 */
import type { RunList } from '../../../libraries/hypercall/index.js';
import { isFile, isPresent, isSoftDirty, pfnOf } from './pagemap-words.js';
import type { PageSet } from './page-set.js';

/** Pagemap entries of consecutive pages, two words each. */
export interface Block {
  readonly firstPage: number;
  readonly words: Uint32Array;
  /** CRIU dumps the vdso's pages although they are not the task's own. */
  readonly isVdso: boolean;
}

/** Called for each page that CRIU's dump will look for, in order of address. */
export type OnPresent = (page: number) => void;

/** Appends to `runs` what must be sent of this block and notes it in `sent`. */
export function selectPages(
  { firstPage, words, isVdso }: Block,
  zeroPfn: number,
  sent: PageSet,
  runs: RunList,
  onPresent?: OnPresent,
): void {
  let runPfn = 0;
  let runPage = 0;
  let runLength = 0;
  for (let index = 0; index < words.length; index += 2) {
    const high = words[index + 1] ?? 0;
    if (!isPresent(high) || (isFile(high) && !isVdso)) continue;
    const pfn = pfnOf(words[index] ?? 0, high);
    if (pfn === zeroPfn) continue;
    const page = firstPage + index / 2;
    onPresent?.(page);
    if (!isSoftDirty(high) && sent.has(page)) continue;
    sent.add(page);
    if (pfn === runPfn + runLength && page === runPage + runLength && runLength > 0) {
      runLength += 1;
      continue;
    }
    if (runLength > 0) runs.append(runPfn, runLength, runPage);
    runPfn = pfn;
    runPage = page;
    runLength = 1;
  }
  if (runLength > 0) runs.append(runPfn, runLength, runPage);
}

/**
 * Compares where the sent pages of a block are now with where the relay was told they are. A page whose frame
 * changed in between (compaction, a huge page's collapse, swap) may have been read from a frame that was
 * somebody else's by then, so it is taken out of `sent` and goes again. Returns how many those are.
 */
export function withdrawMoved({ firstPage, words }: Block, runs: RunList, sent: PageSet): number {
  let moved = 0;
  for (let run = 0; run < runs.length; run += 1) {
    const pfn = runs.pfn(run);
    const page = runs.page(run);
    for (let offset = 0; offset < runs.count(run); offset += 1) {
      const at = 2 * (page + offset - firstPage);
      const high = words[at + 1] ?? 0;
      if (isPresent(high) && pfnOf(words[at] ?? 0, high) === pfn + offset) continue;
      sent.delete(page + offset);
      moved += 1;
    }
  }
  return moved;
}

/** Pages of a block that were written since the dirty bits were cleared. */
export function countDirty({ words, isVdso }: Block): number {
  let dirty = 0;
  for (let index = 1; index < words.length; index += 2) {
    const high = words[index] ?? 0;
    if (isPresent(high) && isSoftDirty(high) && (!isFile(high) || isVdso)) dirty += 1;
  }
  return dirty;
}
