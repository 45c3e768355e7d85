/**
 * The runs that one level of images lists of a task, by address: three numbers each, in arrays of their own, because there may
 * be a million of them.
 */
import { pagemapFlag, type PagemapRun } from '../../../libraries/criu-images/index.js';
import type { PageRun } from '../../../libraries/page-digest/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';

export interface LevelRun extends PageRun {
  /** Where it begins in this level's pages file; undefined where the parent has it. */
  readonly offset: number | undefined;
}

const inParent = -1;

export class LevelRuns implements Iterable<PageRun> {
  private readonly pages: number[] = [];
  private readonly pageCounts: number[] = [];
  private readonly offsets: number[] = [];
  private endOffset = 0;

  /** Behind those that were added. */
  add({ page, pageCount, flags }: PagemapRun): void {
    const isOwn = isPresent(flags);
    this.pages.push(page);
    this.pageCounts.push(pageCount);
    this.offsets.push(isOwn ? this.endOffset : inParent);
    if (isOwn) this.endOffset += pageCount * PAGE_BYTES;
  }

  /** The run that has this page: the last one that begins there or before it, if it reaches that far. */
  of(page: number): LevelRun | undefined {
    let [low, high] = [0, this.pages.length];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((this.pages[middle] ?? Infinity) <= page) low = middle + 1;
      else high = middle;
    }
    const run = low === 0 ? undefined : this.at(low - 1);
    return run !== undefined && page < run.page + run.pageCount ? run : undefined;
  }

  *[Symbol.iterator](): Generator<PageRun> {
    for (let index = 0; index < this.pages.length; index += 1) yield this.at(index);
  }

  private at(index: number): LevelRun {
    const offset = this.offsets[index] ?? inParent;
    return {
      page: this.pages[index] ?? 0,
      pageCount: this.pageCounts[index] ?? 0,
      offset: offset === inParent ? undefined : offset,
    };
  }
}

/** As CRIU has it, what is in the parent is not looked for here. */
function isPresent(flags: number): boolean {
  return (flags & pagemapFlag.parent) === 0 && (flags & pagemapFlag.present) !== 0;
}
