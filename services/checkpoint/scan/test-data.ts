/** What the tests of the scan share. */
import type { PageRanges } from './page-ranges.js';

/** First page, pages and flags of each range. */
export function rangesOf(ranges: PageRanges): [number, number, number][] {
  return Array.from({ length: ranges.length }, (_, at) => [
    ranges.first(at),
    ranges.count(at),
    ranges.flags(at),
  ]);
}
