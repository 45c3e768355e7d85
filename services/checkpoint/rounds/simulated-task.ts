/**
 * A simulated task for the tests of the rounds: its pages are in the frames of a guest that wastes nothing, where a frame
 * that was left is used by others at once, and its memory changes by events, frozen or not.
 */
import type { PageSpan } from '../scan/address-space.js';
import { PageRanges, rangeFlag } from '../scan/page-ranges.js';
import { entryWords } from '../scan/pagemap-words.js';
import type { Pagemap } from '../scan/task-memory.js';

/** Two page tables, with as many pages at the same places of each. */
const firstPage = 0x5400;
const pagesPerTable = 512;
const usedPages = 12;
export const pageCount = 2 * usedPages;
const swappedBit = 2 ** 30;
export const garbage = -1;

interface SimulatedPage {
  content: number;
  /** Undefined while it is swapped out. */
  pfn: number | undefined;
  softDirty: boolean;
}

/**
 * collapse: the kernel puts a huge page over an area (khugepaged), frozen or not; what was a hole is a page then.
 * merge: KSM gives a page a frame of its own making, and the page's dirty bit is lost.
 * remap: mremap puts the page table over the other one, all bits as they are.
 */
export type EventKind = 'write' | 'map' | 'unmap' | 'move' | 'swap-out' | 'collapse' | 'merge' | 'remap';
export interface Event {
  readonly kind: EventKind;
  readonly index: number;
}

export class SimulatedTask implements Pagemap {
  readonly pages = new Map<number, SimulatedPage>();
  readonly ram = new Map<number, number>();
  frozen = false;
  /** Called when pages have been brought in and are about to be looked at. */
  onLookUp = (): void => undefined;
  /** Called when pages have been listed and their dirty bits are about to be cleared, or the other way round. */
  onClearDirty = (): void => undefined;
  private nextPfn = 100;
  private nextContent = 1;

  apply({ kind, index }: Event): void {
    const page = pageOf(index);
    const known = this.pages.get(page);
    if ((kind === 'move' || kind === 'merge') && known?.pfn !== undefined) this.place(known);
    if (kind === 'merge' && known !== undefined) known.softDirty = false;
    if (kind === 'swap-out' && known?.pfn !== undefined) {
      this.ram.set(known.pfn, garbage);
      known.pfn = undefined;
    }
    if (kind === 'collapse' && known === undefined) this.pages.set(page, this.fresh());
    if (this.frozen) return;
    if (kind === 'unmap') this.unmap(page);
    if (kind === 'remap')
      for (let at = 0; at < usedPages; at += 1) this.remap(pageOf(index - (index % usedPages) + at));
    if (kind === 'map' && known === undefined) this.pages.set(page, this.fresh());
    if (kind === 'write' && known !== undefined) {
      if (known.pfn === undefined) this.place(known);
      known.content = this.nextContent++;
      known.softDirty = true;
      this.ram.set(known.pfn ?? 0, known.content);
    }
  }

  isCurrent(): boolean {
    return true;
  }

  close(): void {
    this.pages.clear();
  }

  clearDirty(): void {
    this.onClearDirty();
    for (const page of this.pages.values()) page.softDirty = false;
  }

  ownPages(): PageRanges {
    const ranges = new PageRanges();
    for (const page of [...this.pages.keys()].sort((one, other) => one - other))
      ranges.append(page, 1, this.pages.get(page)?.softDirty === true ? rangeFlag.softDirty : 0);
    return ranges;
  }

  dirtyPageCount(except: readonly PageSpan[] = []): number {
    const counted = (page: number): boolean =>
      except.some(({ firstPage: first, pageCount: count }) => page >= first && page < first + count);
    return [...this.pages].filter(([page, { softDirty }]) => softDirty && !counted(page)).length;
  }

  entries(first: number, count: number): Int32Array {
    for (const [number, page] of this.pages)
      if (number >= first && number < first + count && page.pfn === undefined) this.place(page);
    this.onLookUp();
    return this.look(first, count);
  }

  look(first: number, count: number): Int32Array {
    const words = new Int32Array(2 * count);
    for (const [number, { pfn, softDirty }] of this.pages) {
      const at = 2 * (number - first);
      if (at < 0 || at >= words.length) continue;
      if (pfn === undefined) words[at + 1] = swappedBit;
      else words.set(entryWords({ pfn, file: false, softDirty }), at);
    }
    return words;
  }

  private unmap(page: number): void {
    const pfn = this.pages.get(page)?.pfn;
    if (pfn !== undefined) this.ram.set(pfn, garbage);
    this.pages.delete(page);
  }

  /** To the same place in the other page table. */
  private remap(page: number): void {
    const target = page < firstPage + pagesPerTable ? page + pagesPerTable : page - pagesPerTable;
    this.unmap(target);
    const moved = this.pages.get(page);
    this.pages.delete(page);
    if (moved !== undefined) this.pages.set(target, moved);
  }

  private fresh(): SimulatedPage {
    const page = { content: this.nextContent++, pfn: undefined, softDirty: true };
    this.place(page);
    return page;
  }

  private place(page: SimulatedPage): void {
    if (page.pfn !== undefined) this.ram.set(page.pfn, garbage);
    page.pfn = this.nextPfn++;
    this.ram.set(page.pfn, page.content);
  }
}

function pageOf(index: number): number {
  return firstPage + pagesPerTable * Math.floor(index / usedPages) + (index % usedPages);
}
