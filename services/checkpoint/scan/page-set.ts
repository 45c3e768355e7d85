/**
 * A set of page numbers (below 2^35) as a sparse bitmap: 64 bytes for each 2 MiB region that is neither empty nor full.
 *
 * Whole ranges go in, and come out as what is missing of them. A container's memory is mostly all in the set, or not
 * at all, so whole regions are dealt with as such, and only what is left of a range 32 pages at a time.
 */
export const pagesPerRegion = 512;
const pagesPerWord = 32;
const allPages = 0xffffffff;

type Region = 'full' | Uint32Array;

export class PageSet {
  private regions = new Map<number, Region>();

  has(page: number): boolean {
    const region = this.regions.get(Math.floor(page / pagesPerRegion));
    if (region === undefined || region === 'full') return region === 'full';
    const bit = page % pagesPerRegion;
    return ((region[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0;
  }

  /** What is in this set and in none of these ranges, by address. */
  outside(ranges: Iterable<{ readonly firstPage: number; readonly pageCount: number }>): PageSet {
    const rest = new PageSet();
    for (const [key, region] of this.regions)
      rest.regions.set(key, region === 'full' ? region : region.slice());
    for (const { firstPage, pageCount } of ranges) rest.deleteRange(firstPage, pageCount);
    return rest;
  }

  get pageCount(): number {
    let pages = 0;
    this.eachRange((_, pageCount) => (pages += pageCount));
    return pages;
  }

  /** In order; ranges that meet may come as two. */
  eachRange(visit: (firstPage: number, pageCount: number) => void): void {
    for (const key of [...this.regions.keys()].sort((one, other) => one - other)) {
      const region = this.regions.get(key);
      if (region === 'full') visit(key * pagesPerRegion, pagesPerRegion);
      else if (region !== undefined)
        eachRun(region, (from, count) => visit(key * pagesPerRegion + from, count));
    }
  }

  /** The numbers of the regions that it has pages of; page / 512 is a page's. */
  touchedRegions(): Iterable<number> {
    return this.regions.keys();
  }

  addRange(firstPage: number, pageCount: number): void {
    eachRegion(firstPage, pageCount, (key, from, count) => {
      const region = this.regions.get(key);
      if (region === 'full') return;
      if (count === pagesPerRegion) {
        this.regions.set(key, 'full');
        return;
      }
      const words = region ?? new Uint32Array(pagesPerRegion / pagesPerWord);
      this.regions.set(key, words);
      eachWord(from, count, (index, mask) => (words[index] = (words[index] ?? 0) | mask));
    });
  }

  deleteRange(firstPage: number, pageCount: number): void {
    eachRegion(firstPage, pageCount, (key, from, count) => {
      const region = this.regions.get(key);
      if (region === undefined) return;
      if (count === pagesPerRegion) {
        this.regions.delete(key);
        return;
      }
      const words =
        region === 'full' ? new Uint32Array(pagesPerRegion / pagesPerWord).fill(allPages) : region;
      this.regions.set(key, words);
      eachWord(from, count, (index, mask) => (words[index] = (words[index] ?? 0) & ~mask));
    });
  }

  /** Takes out what is in none of these ranges, which do not overlap. */
  keepOnly(ranges: Iterable<{ readonly firstPage: number; readonly pageCount: number }>): void {
    const kept = new Map<number, Region>();
    for (const { firstPage, pageCount } of ranges) {
      eachRegion(firstPage, pageCount, (key, from, count) => {
        const region = this.regions.get(key);
        if (region === undefined) return;
        if (region === 'full' && count === pagesPerRegion) {
          kept.set(key, region);
          return;
        }
        const before = kept.get(key);
        const words = before instanceof Uint32Array ? before : new Uint32Array(pagesPerRegion / pagesPerWord);
        kept.set(key, words);
        eachWord(from, count, (index, mask) => {
          const known = region === 'full' ? allPages : (region[index] ?? 0);
          words[index] = (words[index] ?? 0) | (known & mask);
        });
      });
    }
    this.regions = kept;
  }

  /** The parts of the range that are not in the set, in order; parts that meet may come as two. */
  eachMissing(
    firstPage: number,
    pageCount: number,
    onMissing: (firstPage: number, pageCount: number) => void,
  ): void {
    eachRegion(firstPage, pageCount, (key, from, count) => {
      const region = this.regions.get(key);
      if (region === 'full') return;
      const regionPage = key * pagesPerRegion;
      if (region === undefined) {
        onMissing(regionPage + from, count);
        return;
      }
      eachWord(from, count, (index, mask) => {
        const missing = (mask & ~(region[index] ?? 0)) >>> 0;
        if (missing === 0) return;
        const wordPage = regionPage + index * pagesPerWord;
        if (missing === allPages) onMissing(wordPage, pagesPerWord);
        else
          for (let bit = 0; bit < pagesPerWord; bit += 1)
            if (missing & (1 << bit)) onMissing(wordPage + bit, 1);
      });
    });
  }
}

/** Each run of pages that are in the region. */
function eachRun(words: Uint32Array, visit: (from: number, pageCount: number) => void): void {
  let from = -1;
  for (let bit = 0; bit <= pagesPerRegion; bit += 1) {
    const isIn = bit < pagesPerRegion && ((words[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0;
    if (isIn && from < 0) from = bit;
    if (isIn || from < 0) continue;
    visit(from, bit - from);
    from = -1;
  }
}

/** Each region that the range touches: its number, and the part of it that is in the range. */
function eachRegion(
  firstPage: number,
  pageCount: number,
  visit: (key: number, from: number, count: number) => void,
): void {
  const end = firstPage + pageCount;
  for (let page = firstPage; page < end;) {
    const from = page % pagesPerRegion;
    const count = Math.min(pagesPerRegion - from, end - page);
    visit((page - from) / pagesPerRegion, from, count);
    page += count;
  }
}

/** Each word of a region that the range touches, with a mask of the range's pages in it. */
function eachWord(from: number, pageCount: number, visit: (index: number, mask: number) => void): void {
  for (let page = from; page < from + pageCount;) {
    const bit = page % pagesPerWord;
    const count = Math.min(pagesPerWord - bit, from + pageCount - page);
    visit(page >>> 5, (count === pagesPerWord ? allPages : ((1 << count) - 1) << bit) >>> 0);
    page += count;
  }
}
