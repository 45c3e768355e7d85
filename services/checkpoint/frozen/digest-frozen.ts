/**
 * What stands frozen, for the comparison with what landed (docs/verify.md): digests of the pages that landed, as they are
 * here, and a look whether there are others.
 *
 * The pages are read anew, from the tasks, and their own pages are found by the scan of their page tables: neither what
 * was sent nor CRIU's word has a part in it. After CRIU's dump, because only then is known what landed; the tasks have
 * not run since, but for the parasite, and what the kernel writes then is left out.
 *
 * An object of shared memory is read once, as a file (shared-memory.ts). One that cannot be found here is out of reach, which
 * the digests say.
 *
 * A page that did not land must be zero here: the kernel may put a huge page over a frozen task's pages at any time
 * (khugepaged), and what was a hole in them reads as zeroes before and after. So a page of zeroes that is lost from
 * over a file's content is not noticed.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import {
  digestPages,
  digestTasks,
  runsOfNumbers,
  spansOfNumbers,
  type DigestMeter,
  type PageRun,
  type RegionDigest,
} from '../../../libraries/page-digest/index.js';
import type { PageDigests, PageList } from '../../../libraries/rpc/index.js';
import type { Task } from '../../../libraries/runtime/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import { outside, type PageSpan } from '../scan/address-space.js';
import type { PageRanges } from '../scan/page-ranges.js';
import { TaskPagemap, type PagemapReader } from '../scan/task-pagemap.js';
import { firstNotZero } from './first-not-zero.js';
import { findSharedMemory, SharedMemory } from './shared-memory.js';
import { hex, TaskContent } from './task-content.js';

type FrozenTask = Pick<Task, 'pid' | 'namespacePid'>;

export interface FrozenTasks {
  readonly tasks: readonly FrozenTask[];
  readonly landed: PageList['tasks'];
  readonly reader: PagemapReader;
  readonly signal: AbortSignal;
}

/** Throws `digest-mismatch` where pages or tasks are missing on either side, and the signal's reason when it fires. */
export async function digestFrozen(
  meter: DigestMeter,
  { tasks, landed, reader, signal }: FrozenTasks,
): Promise<PageDigests> {
  const byPid = new Map(tasks.map((task) => [task.namespacePid, task]));
  const own = landed.filter(({ sharedMemory }) => sharedMemory === 0);
  const runsByPid = new Map(own.map(({ namespacePid, runs }) => [namespacePid, [...runsOfNumbers(runs)]]));
  for (const task of tasks) requireLanded(task, runsByPid.get(task.namespacePid) ?? [], reader);
  const objects = new Set(landed.map(({ sharedMemory }) => sharedMemory).filter((inode) => inode !== 0));
  const paths = findSharedMemory(tasks, objects);
  return digestTasks(meter, landed, async ({ namespacePid, sharedMemory, runs, leftOut }) => {
    if (sharedMemory !== 0) {
      const path = paths.get(sharedMemory);
      return path === undefined
        ? undefined
        : digestShared(sharedMemory, path, [...runsOfNumbers(runs)], signal);
    }
    const task = byPid.get(namespacePid);
    if (task === undefined)
      throw new PortkeyError(
        'digest-mismatch',
        `task ${namespacePid} landed, but no such task stands frozen`,
      );
    const content = TaskContent.open(task);
    try {
      const pages = { runs: runsByPid.get(namespacePid) ?? [], leftOut: spansOfNumbers(leftOut) };
      return await digestPages(pages, (page, into) => content.read(page, into), signal);
    } finally {
      content.close();
    }
  });
}

async function digestShared(
  inode: number,
  path: string,
  runs: readonly PageRun[],
  signal: AbortSignal,
): Promise<RegionDigest[]> {
  const memory = SharedMemory.open(inode, path);
  try {
    const page = firstNotZero(missingOf(memory.written(), runs), (at, into) => memory.read(at, into));
    if (page !== undefined)
      throw new PortkeyError(
        'digest-mismatch',
        `the page at ${hex(page * PAGE_BYTES)} of shared memory ${inode} stands frozen, but did not land`,
      );
    return await digestPages({ runs, leftOut: [] }, (at, into) => memory.read(at, into), signal);
  } finally {
    memory.close();
  }
}

function requireLanded(task: FrozenTask, landed: readonly PageRun[], reader: PagemapReader): void {
  const missing = missingOf(spansOf(ownPages(task, reader)), landed);
  if (missing.length === 0) return;
  const content = TaskContent.open(task);
  try {
    const page = firstNotZero(missing, (at, into) => content.read(at, into));
    if (page === undefined) return;
    throw new PortkeyError(
      'digest-mismatch',
      `the page at ${hex(page * PAGE_BYTES)} of task ${task.namespacePid} stands frozen, but did not land`,
    );
  } finally {
    content.close();
  }
}

function ownPages(task: FrozenTask, reader: PagemapReader): PageRanges | undefined {
  const pagemap = TaskPagemap.open(task, reader);
  try {
    return pagemap?.ownPages();
  } finally {
    pagemap?.close();
  }
}

function* spansOf(own: PageRanges | undefined): Generator<PageSpan> {
  for (let index = 0; index < (own?.length ?? 0); index += 1)
    yield { firstPage: own?.first(index) ?? 0, pageCount: own?.count(index) ?? 0 };
}

/** Both are in order of address. */
function missingOf(own: Iterable<PageSpan>, landed: readonly PageRun[]): PageSpan[] {
  const missing: PageSpan[] = [];
  let next = 0;
  for (const range of own) {
    const end = range.firstPage + range.pageCount;
    const spans: PageSpan[] = [];
    for (; next < landed.length; next += 1) {
      const { page, pageCount } = landed[next] ?? { page: 0, pageCount: 0 };
      if (page >= end) break;
      spans.push({ firstPage: page, pageCount });
      // It may reach into the next range as well.
      if (page + pageCount > end) break;
    }
    missing.push(...outside(range, spans));
  }
  return missing;
}
