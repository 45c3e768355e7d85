/**
 * A task's pages, parted into regions of 2 MiB of its address space: the unit in which two copies of them are compared.
 *
 * Runs that follow one another are one, and one that crosses a border is two: however the pages were parted before, the
 * same pages are the same regions.
 */
import { PortkeyError } from '../errors/index.js';
import { PAGE_BYTES } from '../units/index.js';

export interface PageRun {
  /** Virtual address / 4096. */
  readonly page: number;
  readonly pageCount: number;
}

/** As many as a page table has: 2 MiB. */
export const regionPages = 512;
export const regionBytes = regionPages * PAGE_BYTES;

export interface Region {
  /** Its first page's number, whether it has that page or not. */
  readonly page: number;
  readonly pageCount: number;
  readonly runs: readonly PageRun[];
}

/** Those that have a page, by address. Throws `internal` where the runs are not in order of address. */
export function* regionsOf(runs: Iterable<PageRun>): Generator<Region> {
  let region = emptyRegion(0);
  let end = 0;
  for (const run of runs) {
    if (run.page < end || run.pageCount < 1)
      throw new PortkeyError('internal', `a list of pages is out of order at page ${run.page}`);
    end = run.page + run.pageCount;
    for (let page = run.page; page < end;) {
      const start = page - (page % regionPages);
      if (start !== region.page) {
        if (region.pageCount > 0) yield region;
        region = emptyRegion(start);
      }
      const pageCount = Math.min(end, start + regionPages) - page;
      const last = region.runs.at(-1);
      if (last !== undefined && last.page + last.pageCount === page) last.pageCount += pageCount;
      else region.runs.push({ page, pageCount });
      region.pageCount += pageCount;
      page += pageCount;
    }
  }
  if (region.pageCount > 0) yield region;
}

/** How many `regionsOf` has of these runs, which are in order of address: told without going through their pages. */
export function regionCount(runs: Iterable<PageRun>): number {
  let [count, last] = [0, -1];
  for (const { page, pageCount } of runs) {
    const first = Math.floor(page / regionPages);
    const end = Math.floor((page + pageCount - 1) / regionPages);
    count += end - Math.max(first, last + 1) + 1;
    last = end;
  }
  return count;
}

interface GrowingRegion extends Region {
  pageCount: number;
  readonly runs: { page: number; pageCount: number }[];
}

function emptyRegion(page: number): GrowingRegion {
  return { page, pageCount: 0, runs: [] };
}
