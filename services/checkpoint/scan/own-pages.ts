/**
 * Which pages of a mapping are the task's own: in memory or swapped out, not a file's, not the kernel's zero page, no
 * guard (MADV_GUARD_INSTALL), which looks swapped out and has no content.
 *
 * Two ways to the same answer. PAGEMAP_SCAN lets the kernel look, costs what is mapped, and answers in ranges. Older
 * kernels have only the pagemap itself: an entry for each page of the mapping, looked at here one by one.
 */
import { pageCategory, PagemapScanner } from '../../../libraries/libc/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import type { PageSpan } from './address-space.js';
import { rangeFlag, type PageRanges } from './page-ranges.js';
import { isFile, isGuard, isPresent, isSoftDirty, isSwapped, pfnOf } from './pagemap-words.js';

const { file, guard, present, swapped, zero, softDirty } = pageCategory;

/** False where the kernel cannot; `ranges` is as it was then. With `onlyDirty`, clean pages are left out. */
export function askKernel(
  scanner: PagemapScanner,
  pagemap: number,
  { firstPage, pageCount }: PageSpan,
  onlyDirty: boolean,
  ranges: PageRanges,
): boolean {
  const query = {
    start: firstPage * PAGE_BYTES,
    end: (firstPage + pageCount) * PAGE_BYTES,
    allOf: onlyDirty ? softDirty : 0,
    noneOf: file | zero | guard,
    anyOf: present | swapped,
    told: softDirty,
  };
  return scanner.scan(pagemap, query, (start, end, categories) => {
    const flags = (categories & softDirty) === 0 ? 0 : rangeFlag.softDirty;
    ranges.append(start / PAGE_BYTES, (end - start) / PAGE_BYTES, flags);
  });
}

/** The same from the entries of consecutive pages, two words each. */
export function lookThrough(
  words: Int32Array,
  firstPage: number,
  zeroPfn: number,
  onlyDirty: boolean,
  ranges: PageRanges,
): void {
  for (let at = 0; at < words.length; at += 2) {
    const high = words[at + 1] ?? 0;
    if (high === 0) continue;
    const isPresentPage = isPresent(high);
    if ((!isPresentPage && !isSwapped(high)) || isFile(high) || isGuard(high)) continue;
    if (isPresentPage && pfnOf(words[at] ?? 0, high) === zeroPfn) continue;
    const dirty = isSoftDirty(high);
    if (onlyDirty && !dirty) continue;
    ranges.append(firstPage + at / 2, 1, dirty ? rangeFlag.softDirty : 0);
  }
}
