/**
 * Ranges of a task's pages, by address; all pages of a range are alike. Grows as it is filled; no object per range,
 * because a fragmented task has as many of them as pages.
 */
const initialCapacity = 256;

/** What all pages of a range are. */
export const rangeFlag = { softDirty: 1, vdso: 2 } as const;

export class PageRanges {
  private firstPages = new Float64Array(initialCapacity);
  private pageCounts = new Float64Array(initialCapacity);
  private flagBytes = new Uint8Array(initialCapacity);
  private used = 0;
  private pages = 0;

  get length(): number {
    return this.used;
  }

  get pageCount(): number {
    return this.pages;
  }

  /** In order of address. A range that goes on where the last one ended, and is like it, becomes part of it. */
  append(firstPage: number, pageCount: number, flags: number): void {
    this.pages += pageCount;
    const last = this.used - 1;
    if (last >= 0 && this.end(last) === firstPage && this.flags(last) === flags) {
      this.pageCounts[last] = this.count(last) + pageCount;
      return;
    }
    if (this.used === this.firstPages.length) this.grow();
    this.firstPages[this.used] = firstPage;
    this.pageCounts[this.used] = pageCount;
    this.flagBytes[this.used] = flags;
    this.used += 1;
  }

  first(index: number): number {
    return this.firstPages[index] ?? 0;
  }

  count(index: number): number {
    return this.pageCounts[index] ?? 0;
  }

  /** The page behind the range. */
  end(index: number): number {
    return this.first(index) + this.count(index);
  }

  flags(index: number): number {
    return this.flagBytes[index] ?? 0;
  }

  has(index: number, flag: number): boolean {
    return (this.flags(index) & flag) !== 0;
  }

  /** How many pages are in ranges with this flag. */
  countOf(flag: number): number {
    let pages = 0;
    for (let index = 0; index < this.used; index += 1) if (this.has(index, flag)) pages += this.count(index);
    return pages;
  }

  /** The ranges without this flag. */
  without(flag: number): PageRanges {
    const others = new PageRanges();
    for (let index = 0; index < this.used; index += 1)
      if (!this.has(index, flag)) others.append(this.first(index), this.count(index), this.flags(index));
    return others;
  }

  private grow(): void {
    const capacity = this.used * 2;
    const [firstPages, pageCounts] = [new Float64Array(capacity), new Float64Array(capacity)];
    const flagBytes = new Uint8Array(capacity);
    firstPages.set(this.firstPages);
    pageCounts.set(this.pageCounts);
    flagBytes.set(this.flagBytes);
    Object.assign(this, { firstPages, pageCounts, flagBytes });
  }
}
