/**
 * The pages of a task that stands still, found in two ways in turn: by PAGEMAP_SCAN, and by looking at the entries of its
 * pagemap one by one, as on a kernel that does not know the call. Both are the checkpoint service's own code, and have to
 * find the same.
 */
import { PortkeyError } from '../../../../libraries/errors/index.js';
import { PagemapReader, TaskPagemap } from '../../scan/task-pagemap.js';
import { readZeroPfn } from '../../scan/zero-pfn.js';

export interface Taken {
  readonly cpuMs: number;
  readonly wallMs: number;
}

/** Both ways, one after the other. */
export interface Pass {
  readonly scan: Taken;
  readonly entries: Taken;
}

export interface Question {
  readonly name: string;
  /** How many pages, in how many ranges where it says so. */
  readonly ask: (pagemap: TaskPagemap) => Answer;
}

export interface Answer {
  readonly pages: number;
  readonly ranges?: number;
}

export interface Compared {
  readonly question: string;
  readonly answer: Answer;
  readonly passes: readonly Pass[];
}

/** Of this process, since whenever. */
export interface Meter {
  readonly cpuMs: () => number;
  readonly wallMs: () => number;
}

export const ownPages: Question = {
  name: 'own pages',
  ask: (pagemap) => {
    const { pageCount, length } = pagemap.ownPages();
    return { pages: pageCount, ranges: length };
  },
};

export const dirtyPages: Question = {
  name: 'dirty pages',
  ask: (pagemap) => ({ pages: pagemap.dirtyPageCount() }),
};

export class TwoWays implements Disposable {
  private readonly zeroPfn = readZeroPfn();
  private readonly scan: TaskPagemap;
  private readonly entries: TaskPagemap;

  /** Throws `scan-failed` where this kernel has one way only, and `internal` where it hides frames. */
  constructor(
    pid: number,
    private readonly meter: Meter,
  ) {
    const [asking, looking] = [new PagemapReader(this.zeroPfn), new PagemapReader(this.zeroPfn)];
    looking.hasScan = false;
    this.scan = open(pid, asking);
    this.entries = open(pid, looking);
    this.scan.dirtyPageCount();
    if (asking.hasScan) return;
    this[Symbol.dispose]();
    throw new PortkeyError(
      'scan-failed',
      'this kernel has no PAGEMAP_SCAN, which Linux has from 6.7 on: there is nothing to compare',
    );
  }

  clearDirty(): void {
    this.scan.clearDirty();
  }

  /** Whether the kernel tells of pages that were written since the bits were cleared. */
  seesDirty(): boolean {
    return this.scan.dirtyPageCount() > 0;
  }

  /** As many passes as told, after one that is not counted. Throws `scan-failed` where the ways disagree. */
  compare({ name, ask }: Question, passes: number): Compared {
    const taken: Pass[] = [];
    let answer: Answer = { pages: 0 };
    for (let pass = 0; pass <= passes; pass += 1) {
      const asked = this.time(() => ask(this.scan));
      const looked = this.time(() => ask(this.entries));
      answer = asked.answer;
      requireSame(name, answer, looked.answer);
      if (pass > 0) taken.push({ scan: asked.taken, entries: looked.taken });
    }
    return { question: name, answer, passes: taken };
  }

  [Symbol.dispose](): void {
    this.scan.close();
    this.entries.close();
  }

  private time(ask: () => Answer): { answer: Answer; taken: Taken } {
    const { cpuMs, wallMs } = this.meter;
    const [cpu, wall] = [cpuMs(), wallMs()];
    const answer = ask();
    return { answer, taken: { cpuMs: cpuMs() - cpu, wallMs: wallMs() - wall } };
  }
}

function open(pid: number, reader: PagemapReader): TaskPagemap {
  const pagemap = TaskPagemap.open({ pid }, reader);
  if (pagemap === undefined) throw new PortkeyError('scan-failed', `the task ${pid} has ended`);
  return pagemap;
}

function requireSame(question: string, scan: Answer, entries: Answer): void {
  if (scan.pages === entries.pages && scan.ranges === entries.ranges) return;
  throw new PortkeyError(
    'scan-failed',
    `${question}: PAGEMAP_SCAN found ${textOf(scan)}, the entries say ${textOf(entries)}`,
  );
}

function textOf({ pages, ranges }: Answer): string {
  return ranges === undefined ? `${pages}` : `${pages} in ${ranges} ranges`;
}
