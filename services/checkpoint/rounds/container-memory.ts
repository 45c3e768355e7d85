/**
 * The memory of all tasks of a container, over the rounds of a migration.
 *
 * Tasks come and go between rounds; what is known of a task is kept for as long as its pid and start time are the
 * same and it has not called exec. A snapshot of a running container, from the second one on, stops all its tasks for as
 * long as it takes to read the pagemaps and clear the dirty bits: a write in between would otherwise be lost. The first
 * one needs no stop, because nothing was sent yet that it could miss.
 *
 * The frozen container's dirty bits are cleared only where much is dirty. CRIU's final dump takes what is dirty, and
 * where that is little, letting it do so costs less than clearing the bits of all pages and looking at all of them once
 * more (after a clearing that is owed: the kernel may put a huge page over a frozen task's pages in between).
 */
import { secondsSince, type Clock } from '../../../libraries/process/index.js';
import type { FrozenDirty } from '../../../libraries/rpc/index.js';
import { tasksOf, type Freezer, type Task } from '../../../libraries/runtime/index.js';
import { rangeFlag, type PageRanges } from '../scan/page-ranges.js';
import { TaskMemory } from '../scan/task-memory.js';
import { TaskPagemap, type PagemapReader } from '../scan/task-pagemap.js';

export interface TaskSnapshot {
  readonly memory: TaskMemory;
  readonly pages: PageRanges;
}

export interface ContainerSnapshot {
  readonly tasks: readonly TaskSnapshot[];
  readonly pausedSeconds: number;
  /** The dirty bits are as they were: what is dirty is left to CRIU's dump. */
  readonly keepsDirty: boolean;
  /** Of the frozen container: by what that was decided. */
  readonly frozenDirty?: FrozenDirty;
}

/** One in so many pages, and no more than these, are little enough to be CRIU's. */
const pagesPerKeptDirty = 256;
const mostKeptDirty = 4096;

export interface ContainerMemoryParts {
  readonly container: string;
  readonly freezer: Freezer;
  readonly clock: Clock;
  readonly reader: PagemapReader;
}

export class ContainerMemory {
  private known = new Map<string, TaskMemory>();
  private first = true;

  constructor(private readonly parts: ContainerMemoryParts) {}

  async snapshot(frozen: boolean): Promise<ContainerSnapshot> {
    if (frozen) return this.readFrozen();
    if (this.first) {
      this.first = false;
      return { tasks: this.readRunning(), pausedSeconds: 0, keepsDirty: false };
    }
    const { freezer, clock } = this.parts;
    const startMs = clock.monotonicMs();
    await freezer.freeze();
    try {
      const tasks = this.readStanding();
      clearAll(tasks);
      return { tasks, pausedSeconds: secondsSince(clock, startMs), keepsDirty: false };
    } finally {
      await freezer.thaw();
    }
  }

  close(): void {
    for (const memory of this.known.values()) memory.close();
    this.known.clear();
  }

  private readRunning(): TaskSnapshot[] {
    this.refreshTasks();
    return [...this.known.values()].map((memory) => {
      memory.clearDirty();
      return { memory, pages: memory.ownPages() };
    });
  }

  private readStanding(): TaskSnapshot[] {
    this.refreshTasks();
    return [...this.known.values()].map((memory) => {
      memory.withdrawMoved();
      return { memory, pages: memory.ownPages() };
    });
  }

  private readFrozen(): ContainerSnapshot {
    const tasks = this.readStanding();
    const frozenDirty = judgeDirty(tasks.map(({ pages }) => pages));
    if (!frozenDirty.leftToCriu) clearAll(tasks);
    return { tasks, pausedSeconds: 0, keepsDirty: frozenDirty.leftToCriu, frozenDirty };
  }

  /** Undefined where the task has ended. */
  private open(task: Task): TaskMemory | undefined {
    const { reader } = this.parts;
    const pagemap = TaskPagemap.open(task, reader);
    return pagemap === undefined ? undefined : new TaskMemory(task, pagemap, reader.zeroPfn, reader.frames);
  }

  private refreshTasks(): void {
    const current = new Map<string, TaskMemory>();
    for (const task of tasksOf(this.parts.container)) {
      // A vforked child has its parent's memory, which is not gone when it calls exec (`isCurrent` would not see it).
      const key = `${task.pid}@${task.startTicks}${task.forkedOnly ? ', forked' : ''}`;
      const known = this.known.get(key);
      const memory = known?.isCurrent() === true ? known : this.open(task);
      if (memory !== undefined) current.set(key, memory);
    }
    for (const [key, memory] of this.known) if (current.get(key) !== memory) memory.close();
    this.known = current;
  }
}

function clearAll(tasks: readonly TaskSnapshot[]): void {
  for (const { memory } of tasks) memory.clearDirty();
}

/** Whether so little of these pages is dirty that it may be left to CRIU, and by what that is decided. */
export function judgeDirty(pages: readonly PageRanges[]): FrozenDirty {
  const sum = (count: (ranges: PageRanges) => number): number =>
    pages.reduce((total, ranges) => total + count(ranges), 0);
  const dirtyPages = sum((ranges) => ranges.countOf(rangeFlag.softDirty));
  const totalPages = sum((ranges) => ranges.pageCount);
  const limitPages = Math.min(mostKeptDirty, Math.floor(totalPages / pagesPerKeptDirty));
  return { leftToCriu: dirtyPages <= limitPages, dirtyPages, totalPages, limitPages };
}
