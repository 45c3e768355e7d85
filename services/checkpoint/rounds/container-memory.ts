/**
 * The memory of all tasks of a container, over the rounds of a migration.
 *
 * Tasks come and go between rounds; what is known of a task is kept for as long as its pid and start time are the
 * same and it has not called exec. A snapshot of a running container, from the second one on, stops all its tasks for as long as it takes to
 * read the pagemaps and clear the dirty bits: a write in between would otherwise be lost. The first one needs no
 * stop, because nothing was sent yet that it could miss.
 */
import { secondsSince, type Clock } from '../../../libraries/process/index.js';
import { tasksOf, type Freezer, type Task } from '../../../libraries/runtime/index.js';
import type { PageRanges } from '../scan/page-ranges.js';
import { TaskMemory } from '../scan/task-memory.js';
import { TaskPagemap, type PagemapReader } from '../scan/task-pagemap.js';

export interface TaskSnapshot {
  readonly memory: TaskMemory;
  readonly pages: PageRanges;
}

export interface ContainerSnapshot {
  readonly tasks: readonly TaskSnapshot[];
  readonly pausedSeconds: number;
}

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
    if (frozen) return { tasks: await this.readAll(false), pausedSeconds: 0 };
    if (this.first) {
      this.first = false;
      return { tasks: await this.readAll(true), pausedSeconds: 0 };
    }
    const { freezer, clock } = this.parts;
    const startMs = clock.monotonicMs();
    await freezer.freeze();
    try {
      return { tasks: await this.readAll(false), pausedSeconds: secondsSince(clock, startMs) };
    } finally {
      await freezer.thaw();
    }
  }

  close(): void {
    for (const memory of this.known.values()) memory.close();
    this.known.clear();
  }

  private async readAll(running: boolean): Promise<TaskSnapshot[]> {
    await this.refreshTasks();
    return [...this.known.values()].map((memory) => ({ memory, pages: memory.snapshot(running) }));
  }

  /** Undefined where the task has ended. */
  private open(task: Task): TaskMemory | undefined {
    const { reader } = this.parts;
    const pagemap = TaskPagemap.open(task, reader);
    return pagemap === undefined ? undefined : new TaskMemory(task, pagemap, reader.zeroPfn, reader.frames);
  }

  private async refreshTasks(): Promise<void> {
    const current = new Map<string, TaskMemory>();
    for (const task of await tasksOf(this.parts.container)) {
      const key = `${task.pid}@${task.startTicks}`;
      const known = this.known.get(key);
      const memory = known?.isCurrent() === true ? known : this.open(task);
      if (memory !== undefined) current.set(key, memory);
    }
    for (const [key, memory] of this.known) if (current.get(key) !== memory) memory.close();
    this.known = current;
  }
}
