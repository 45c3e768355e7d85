/**
 * The pages that the last round vouches for, per task: what the parent images on the source list, so that CRIU's
 * final dump leaves them out. A page that CRIU wants and that is missing here makes its dump fail, which is the
 * check on the whole page path.
 */
import { pagemapFlag, type PagemapRun } from '../../../libraries/criu-images/index.js';
import type { PageRanges } from '../scan/page-ranges.js';

export class PresentPages {
  private readonly tasks = new Map<number, PageRanges>();

  /** Replaces what was said of the task; `namespacePid` is what CRIU names its images after. */
  set(namespacePid: number, pages: PageRanges): void {
    this.tasks.set(namespacePid, pages);
  }

  entries(): [number, PagemapRun[]][] {
    return [...this.tasks].map(([namespacePid, pages]) => [namespacePid, runsOf(pages)]);
  }
}

function runsOf(pages: PageRanges): PagemapRun[] {
  const runs: { page: number; pageCount: number; flags: number }[] = [];
  for (let index = 0; index < pages.length; index += 1) {
    const last = runs.at(-1);
    // Ranges that differ in their dirt only are one to CRIU.
    if (last !== undefined && last.page + last.pageCount === pages.first(index))
      last.pageCount += pages.count(index);
    else runs.push({ page: pages.first(index), pageCount: pages.count(index), flags: pagemapFlag.present });
  }
  return runs;
}
