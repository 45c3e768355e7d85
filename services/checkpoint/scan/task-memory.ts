/**
 * What the checkpoint service remembers of one task over the rounds of a migration.
 *
 * Per round: `snapshot` (the tasks must stand still, except in the very first round) reads the pagemap and clears
 * the dirty bits; `select` turns the snapshot into runs; after these have landed, `revalidate` finds pages that
 * moved meanwhile. Between snapshot and revalidate the task may run, map and unmap as it likes.
 */
import { RunList } from '../../../libraries/hypercall/index.js';
import type { Task } from '../../../libraries/runtime/index.js';
import { PageSet } from './page-set.js';
import { countDirty, selectPages, withdrawMoved, type Block, type OnPresent } from './select.js';
import { TaskPagemap } from './task-pagemap.js';

/** A block of the snapshot and what of it was sent in this round. */
export interface SelectedBlock {
  readonly block: Block;
  readonly runs: RunList;
}

export interface Revalidation {
  readonly movedPages: number;
  readonly dirtyPages: number;
}

/** One task's memory as the kernel shows it: `TaskPagemap`, or a test's. */
export type Pagemap = Pick<TaskPagemap, 'isCurrent' | 'close' | 'clearDirty' | 'read' | 'reread' | 'refresh'>;

export class TaskMemory {
  private readonly sent = new PageSet();

  /** Takes the pagemap over: `close` closes it. */
  constructor(
    readonly task: Task,
    private readonly pagemap: Pagemap,
    private readonly zeroPfn: number,
  ) {}

  /** Undefined where the task has ended. */
  static open(task: Task, zeroPfn: number): TaskMemory | undefined {
    const pagemap = TaskPagemap.open(task);
    return pagemap === undefined ? undefined : new TaskMemory(task, pagemap, zeroPfn);
  }

  /** False once the task called exec: what is known is of memory that is gone. */
  isCurrent(): boolean {
    return this.pagemap.isCurrent();
  }

  close(): void {
    this.pagemap.close();
  }

  /**
   * Of a running task the dirty bits must be cleared before the pagemap is read: a write in between is then
   * dirty again. Of a task that stands still the order must be the other way round, or the bits would be lost.
   */
  snapshot(running: boolean): Block[] {
    if (running) this.pagemap.clearDirty();
    const blocks = this.pagemap.read();
    if (!running) this.pagemap.clearDirty();
    return blocks;
  }

  /** What has to be sent of the snapshot; with `onPresent`, also every page that CRIU will look for. */
  select(blocks: readonly Block[], onPresent?: OnPresent): SelectedBlock[] {
    return blocks.map((block) => {
      const runs = new RunList();
      selectPages(block, this.zeroPfn, this.sent, runs, onPresent);
      return { block, runs };
    });
  }

  /** After everything has landed: withdraws what moved and, of a running task, counts what was written. */
  revalidate(selected: readonly SelectedBlock[], running: boolean): Revalidation {
    let movedPages = 0;
    let dirtyPages = 0;
    for (const { block, runs } of selected) {
      if (!running && runs.length === 0) continue;
      const now = this.pagemap.reread(block);
      movedPages += withdrawMoved(now, runs, this.sent);
      dirtyPages += countDirty(now);
    }
    return { movedPages, dirtyPages };
  }

  /**
   * The blocks as they are now, with what was swapped out or is on its way to another frame brought back, dirty bits
   * left alone: for sending moved pages again at once.
   */
  refresh(selected: readonly SelectedBlock[]): Block[] {
    return selected.map(({ block }) => this.pagemap.refresh(block));
  }
}
