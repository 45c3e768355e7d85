/**
 * A set of page numbers (below 2^35) as a sparse bitmap: 64 bytes for each 2 MiB region that has any.
 *
 * Whole ranges go in, and come out as what is missing of them, 32 pages at a time: a container's memory is mostly
 * all in the set.
 */
const pagesPerRegion = 512;
const pagesPerWord = 32;
const allPages = 0xffffffff;

export class PageSet {
  private readonly regions = new Map<number, Uint32Array>();

  has(page: number): boolean {
    const bit = page % pagesPerRegion;
    const word = this.regions.get(Math.floor(page / pagesPerRegion))?.[bit >>> 5] ?? 0;
    return (word & (1 << (bit & 31))) !== 0;
  }

  addRange(firstPage: number, pageCount: number): void {
    this.eachWord(firstPage, pageCount, (key, index, mask) => {
      const region = this.regions.get(key) ?? new Uint32Array(pagesPerRegion / pagesPerWord);
      this.regions.set(key, region);
      region[index] = (region[index] ?? 0) | mask;
    });
  }

  deleteRange(firstPage: number, pageCount: number): void {
    this.eachWord(firstPage, pageCount, (key, index, mask) => {
      const region = this.regions.get(key);
      if (region !== undefined) region[index] = (region[index] ?? 0) & ~mask;
    });
  }

  /** The parts of the range that are not in the set, in order; parts that meet may come as two. */
  eachMissing(
    firstPage: number,
    pageCount: number,
    onMissing: (firstPage: number, pageCount: number) => void,
  ): void {
    this.eachWord(firstPage, pageCount, (key, index, mask) => {
      const missing = (mask & ~(this.regions.get(key)?.[index] ?? 0)) >>> 0;
      if (missing === 0) return;
      const wordPage = key * pagesPerRegion + index * pagesPerWord;
      if (missing === allPages) onMissing(wordPage, pagesPerWord);
      else
        for (let bit = 0; bit < pagesPerWord; bit += 1)
          if (missing & (1 << bit)) onMissing(wordPage + bit, 1);
    });
  }

  /** Each word that the range touches, with a mask of the range's pages in it. */
  private eachWord(
    firstPage: number,
    pageCount: number,
    visit: (key: number, index: number, mask: number) => void,
  ): void {
    const end = firstPage + pageCount;
    for (let page = firstPage; page < end;) {
      const bit = page % pagesPerWord;
      const count = Math.min(pagesPerWord - bit, end - page);
      const mask = (count === pagesPerWord ? allPages : ((1 << count) - 1) << bit) >>> 0;
      const key = Math.floor(page / pagesPerRegion);
      visit(key, (page - key * pagesPerRegion) >>> 5, mask);
      page += count;
    }
  }
}
