/**
 * The pages that the last round vouches for, per task: what the parent images on the source list, so that CRIU's
 * final dump leaves them out. A page that CRIU wants and that is missing here makes its dump fail, which is the
 * check on the whole page path.
 */
import { pagemapFlag, type PagemapRun } from '../../../libraries/criu-images/index.js';
import type { OnPresent } from '../scan/select.js';

export class PresentPages {
  private readonly tasks = new Map<number, PagemapRun[]>();

  /** For pages of one task in order of address; `namespacePid` is what CRIU names its images after. */
  collector(namespacePid: number): OnPresent {
    const runs: { page: number; pageCount: number; flags: number }[] = [];
    this.tasks.set(namespacePid, runs);
    return (page) => {
      const last = runs.at(-1);
      if (last?.page !== undefined && last.page + last.pageCount === page) last.pageCount += 1;
      else runs.push({ page, pageCount: 1, flags: pagemapFlag.present });
    };
  }

  entries(): IterableIterator<[number, PagemapRun[]]> {
    return this.tasks.entries();
  }
}
