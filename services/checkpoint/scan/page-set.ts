/**
 * A set of page numbers (below 2^35) as a sparse bitmap: 64 bytes for each 2 MiB region that has any.
 *
 * Pages come mostly in order, so the region last used is kept at hand.
 */
const pagesPerRegion = 512;

export class PageSet {
  private readonly regions = new Map<number, Uint32Array>();
  private lastKey = -1;
  private lastRegion: Uint32Array | undefined;

  has(page: number): boolean {
    const bit = page % pagesPerRegion;
    const word = this.region(page)?.[bit >>> 5] ?? 0;
    return (word & (1 << (bit & 31))) !== 0;
  }

  add(page: number): void {
    let region = this.region(page);
    if (region === undefined) {
      region = new Uint32Array(pagesPerRegion / 32);
      this.regions.set(this.lastKey, region);
      this.lastRegion = region;
    }
    const bit = page % pagesPerRegion;
    region[bit >>> 5] = (region[bit >>> 5] ?? 0) | (1 << (bit & 31));
  }

  delete(page: number): void {
    const region = this.region(page);
    const bit = page % pagesPerRegion;
    if (region !== undefined) region[bit >>> 5] = (region[bit >>> 5] ?? 0) & ~(1 << (bit & 31));
  }

  private region(page: number): Uint32Array | undefined {
    const key = Math.floor(page / pagesPerRegion);
    if (key !== this.lastKey) {
      this.lastKey = key;
      this.lastRegion = this.regions.get(key);
    }
    return this.lastRegion;
  }
}
