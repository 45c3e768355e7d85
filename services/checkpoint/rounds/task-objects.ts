/**
 * The landing files of a migration's tasks, as objects of the hypercall channel.
 *
 *     (none) ──its first pages──▶ open ──the task has ended: DROP of all that landed──▶ closed
 *                                  └──── last round, or the migration's end ────▶ closed
 *
 * A landing file is sparse, a page's offset is its virtual address. It is named after the task's pid in the container, so
 * a task may come by the file of one that has ended, or of itself before it called exec; what was there is dropped first.
 * Invariants: an object is closed before another one of its name is opened; every frame is counted. Nothing waits for
 * DROPs to land but the round's end: what is sent of a page is worked off in order (docs/hypercalls.md, Several streams).
 */
import {
  maxPagesPerSend,
  maxRunsPerSend,
  RunList,
  type HypercallClient,
  type SentRuns,
} from '../../../libraries/hypercall/index.js';
import { abortable } from '../../../libraries/process/index.js';
import { PageRanges } from '../scan/page-ranges.js';
import type { TaskMemory } from '../scan/task-memory.js';

export type ObjectClient = Pick<HypercallClient, 'open' | 'send' | 'drop' | 'closeObject'>;

interface KnownPages {
  readonly memory: TaskMemory;
  readonly pages: PageRanges;
}

export class TaskObjects {
  private readonly objects = new Map<TaskMemory, number>();
  private frames = 0;

  constructor(
    private readonly migrationId: string,
    private readonly client: ObjectClient,
  ) {}

  /** Of this migration alone, whatever else uses the channel. */
  get hypercalls(): number {
    return this.frames;
  }

  /** Opens it where it is not. Throws `no-room` where this VM's migrations have as many open as the relay allows. */
  async open(memory: TaskMemory): Promise<number> {
    const known = this.objects.get(memory);
    if (known !== undefined) return known;
    const name = `memory/pages-${memory.task.namespacePid}.img`;
    const object = await this.client.open(this.migrationId, name);
    // One that is refused for want of room writes no frame.
    this.frames += 1;
    this.objects.set(memory, object);
    return object;
  }

  send(object: number, runs: RunList): Promise<SentRuns> {
    this.frames += 1;
    return this.client.send(object, runs);
  }

  /**
   * Drops what the landing has of pages that these tasks, which are all there are, have no more; and closes the objects of
   * tasks that have ended. Resolves when that has been said, to what resolves when all of it has landed.
   */
  async dropGone(tasks: readonly KnownPages[], signal: AbortSignal): Promise<{ landed: Promise<unknown> }> {
    const landed: Promise<unknown>[] = [];
    const alive = new Set(tasks.map(({ memory }) => memory));
    for (const [memory, object] of this.objects) {
      if (alive.has(memory)) continue;
      landed.push(...(await this.drop(object, memory.takeGone(new PageRanges()), signal)));
      await this.close(memory, object);
    }
    for (const { memory, pages } of tasks) {
      const object = this.objects.get(memory);
      if (object !== undefined) landed.push(...(await this.drop(object, memory.takeGone(pages), signal)));
    }
    const all = Promise.all(landed);
    // Whoever fails before looking at it must not bring the process down.
    all.catch(() => undefined);
    return { landed: all };
  }

  /** Also for a migration that ends before its last round. */
  async closeAll(): Promise<void> {
    for (const [memory, object] of this.objects) await this.close(memory, object);
  }

  private async drop(object: number, gone: RunList, signal: AbortSignal): Promise<Promise<unknown>[]> {
    const landed: Promise<unknown>[] = [];
    for (const pages of dropsOf(gone)) {
      this.frames += 1;
      landed.push((await abortable(this.client.drop(object, pages), signal)).landed);
    }
    return landed;
  }

  private async close(memory: TaskMemory, object: number): Promise<void> {
    this.objects.delete(memory);
    this.frames += 1;
    await this.client.closeObject(object);
  }
}

/** As many runs and pages in each as a DROP may have. */
function dropsOf(gone: RunList): RunList[] {
  const drops: RunList[] = [];
  let drop: RunList | undefined;
  for (let run = 0; run < gone.length; run += 1) {
    for (let done = 0; done < gone.count(run);) {
      if (drop === undefined || drop.length === maxRunsPerSend || drop.pageCount === maxPagesPerSend)
        drops.push((drop = new RunList()));
      const count = Math.min(gone.count(run) - done, maxPagesPerSend - drop.pageCount);
      drop.push(gone.pfn(run), count, gone.page(run) + done);
      done += count;
    }
  }
  return drops;
}
