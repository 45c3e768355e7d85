/**
 * Whether what was sent of a task's pages is still in the page tables that it was in.
 *
 * The kernel marks a page that mremap moves as dirty, but not where it can move a whole page table: an area of 2 MiB whose
 * old and new address are aligned alike (mm/mremap.c: move_normal_pmd). If another page table was there before, and its
 * pages were sent, then the ones that came in their place look clean, and as if they had been sent.
 *
 *     (nothing sent) ──first pages sent──▶ witnessed ──no witness in its place──▶ (nothing sent)
 *
 * So of each region of 2 MiB a few pages are remembered with their frames. A page that did not move is in its frame still;
 * one that did came with all others of its table. As long as one witness is in its place, none has been moved there.
 *
 * Invariants: a region's witnesses are those of the first time that something of it was sent: later ones could be of
 * another table than what was sent before. Errors are on the safe side: a region whose witnesses were all unmapped, or
 * given other frames (compaction; a write after fork), is sent again. Limits: a page that came into the very frame that
 * the witness at its place was in, freed in between, would pass for it. A huge page is marked when it is moved, and by
 * the kernel that makes one of a table's pages.
 */
import { pagesPerRegion, type PageSet } from './page-set.js';
import { isPresent, pfnOf, wordsPerEntry } from './pagemap-words.js';

/** Spread over the region, because neighbours are unmapped together. */
const witnessesPerRegion = 4;
/** A page and its frame. */
const numbersPerWitness = 2;

/** Pagemap entries of consecutive pages. */
interface Entries {
  readonly firstPage: number;
  readonly words: Int32Array;
}

export class PageTables {
  private witnesses = new Map<number, Float64Array>();

  /** Of these pages of the window some have been sent, where they are according to it; `sent` says which. */
  note(window: Entries, pages: { readonly first: number; readonly count: number }, sent: PageSet): void {
    const end = pages.first + pages.count;
    for (let page = pages.first; page < end;) {
      const region = Math.floor(page / pagesPerRegion);
      const until = Math.min(end, (region + 1) * pagesPerRegion);
      if (!this.witnesses.has(region)) {
        const found = witnessesAmong(window, page, until, sent);
        if (found.length > 0) this.witnesses.set(region, Float64Array.from(found));
      }
      page = until;
    }
  }

  /**
   * Takes the regions out of `sent` that have no witness in its place any more. `look` returns a page's entry. The task
   * stands still meanwhile.
   */
  withdrawMoved(sent: PageSet, look: (page: number) => Int32Array): void {
    const kept = new Map<number, Float64Array>();
    for (const region of [...sent.touchedRegions()]) {
      const witnesses = this.witnesses.get(region);
      if (witnesses !== undefined && hasWitness(witnesses, look)) kept.set(region, witnesses);
      else sent.deleteRange(region * pagesPerRegion, pagesPerRegion);
    }
    this.witnesses = kept;
  }
}

/** The first page that was sent in each quarter, and its frame. */
function witnessesAmong(window: Entries, first: number, until: number, sent: PageSet): number[] {
  const found: number[] = [];
  for (let quarter = 0; quarter < witnessesPerRegion; quarter += 1) {
    const from = first + Math.floor(((until - first) * quarter) / witnessesPerRegion);
    const end = first + Math.floor(((until - first) * (quarter + 1)) / witnessesPerRegion);
    let page = from;
    while (page < end && !sent.has(page)) page += 1;
    if (page < end) found.push(page, frameOf(window.words, page - window.firstPage));
  }
  return found;
}

function hasWitness(witnesses: Float64Array, look: (page: number) => Int32Array): boolean {
  for (let at = 0; at < witnesses.length; at += numbersPerWitness) {
    const words = look(witnesses[at] ?? 0);
    if (isPresent(words[1] ?? 0) && frameOf(words, 0) === witnesses[at + 1]) return true;
  }
  return false;
}

function frameOf(words: Int32Array, index: number): number {
  return pfnOf(words[wordsPerEntry * index] ?? 0, words[wordsPerEntry * index + 1] ?? 0);
}
