/**
 * One round in Portkey mode: snapshot → DROPs of what is gone → runs → SENDs → landed → look again where the pages are.
 *
 * Goal: when the last round has ended, the landing files hold every page that CRIU will look for, as frozen.
 * Invariants: no page counts as sent unless its frame was the same before the SEND and after it had landed; the
 * last round goes on until that holds for every page that the parent images will list. A running container's moved
 * pages go with the next round. A frozen container's dirty pages are either sent, and their bits cleared before, or
 * left alone (container-memory.ts): then no parent image lists them, and CRIU dumps them. The landing holds little more
 * than what the container has: what tasks have unmapped, and what ended tasks had, is dropped.
 * Limits: a page that moves away and back to the very same frame within one round would pass unnoticed. Nothing in
 * the kernel moves pages back; a frame that was left is free for others first. A page that loses its dirty bit without
 * having been sent (mappings become one on kernels where the new one's pages are then clean) and is still left to CRIU
 * makes the dump fail, since no parent image lists it: the migration is rolled back, and nothing is lost. One that was
 * sent, written and loses its bit then would be restored as it was sent: page-tables.ts deals with mremap, which may do
 * that, ../kernel-merging.ts with KSM, which does.
 */
import {
  Batcher,
  RunList,
  type BatchPolicy,
  type HypercallClient,
  type SentRuns,
} from '../../../libraries/hypercall/index.js';
import { PortkeyError } from '../../../libraries/errors/index.js';
import { abortable, secondsSince, type Clock } from '../../../libraries/process/index.js';
import type { RoundResult } from '../../../libraries/rpc/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import type { PageRanges } from '../scan/page-ranges.js';
import type { SelectedWindow, TaskMemory } from '../scan/task-memory.js';
import type { ContainerMemory } from './container-memory.js';
import { PresentPages } from './present-pages.js';
import { emptyResult, type RoundOptions } from './round.js';
import { TaskObjects, type ObjectClient } from './task-objects.js';
import { RoundMeter } from './round-meter.js';

export interface PortkeyRoundParts {
  readonly migrationId: string;
  readonly client: ObjectClient & Pick<HypercallClient, 'hypercallSeconds'>;
  readonly policy: BatchPolicy;
  readonly memory: Pick<ContainerMemory, 'snapshot'>;
  readonly clock: Clock;
  /** What the agent has used of its CPU so far. */
  readonly cpuSeconds: () => number;
}

interface Selected {
  readonly memory: TaskMemory;
  /** What must be sent; */
  readonly wantedPages: number;
  /** where it is, as far as it still is there. */
  readonly windows: SelectedWindow[];
}

/** A frozen container's pages settle at once; more passes than this mean that something keeps moving them. */
const settlePasses = 8;

export class PortkeyRounds {
  private readonly objects: TaskObjects;
  /** What CRIU will look for, as of the last round. */
  readonly present = new PresentPages();

  constructor(private readonly parts: PortkeyRoundParts) {
    this.objects = new TaskObjects(parts.migrationId, parts.client);
  }

  async run(options: RoundOptions): Promise<RoundResult> {
    const { memory, clock, policy } = this.parts;
    const startMs = clock.monotonicMs();
    const cpu = new RoundMeter(this.parts.cpuSeconds);
    const hypercallsBefore = this.objects.hypercalls;
    policy.beginRound();
    const snapshot = await memory.snapshot(options.last);
    const { keepsDirty } = snapshot;
    let selected = snapshot.tasks.map(({ memory: task, pages }) => {
      if (!options.last) return found(task, task.due(pages));
      return keepsDirty ? this.vouchedUnsent(task, pages, true) : this.vouchedDue(task, pages);
    });
    const scanSeconds = secondsSince(clock, startMs);
    cpu.spentOn('scanSeconds');
    const dropped = await this.objects.dropGone(snapshot.tasks, options.signal);
    cpu.spentOn('hypercallSeconds');

    const total = { pages: 0, moved: 0, dirty: 0 };
    for (let pass = 0; ; pass += 1) {
      // Nothing was cleared after that look, so no other one is owed.
      if (keepsDirty && wantedPages(selected) === 0) break;
      total.pages += await this.send(selected, total.pages, options);
      cpu.spentOn('hypercallSeconds');
      const looks = selected.map(({ memory: task, windows }) => ({ task, look: task.revalidate(windows) }));
      total.moved += looks.reduce((sum, { look }) => sum + look.movedPages, 0);
      if (!options.last) {
        total.dirty = looks.reduce((sum, { task, look }) => sum + task.dirtyPageCount(look), 0);
        break;
      }
      selected = selected.map(({ memory: task }) => this.vouchedUnsent(task, task.ownPages(), keepsDirty));
      cpu.spentOn('scanSeconds');
      const unsent = wantedPages(selected);
      if (unsent === 0) break;
      if (pass === settlePasses) {
        throw new PortkeyError(
          'pages-will-not-settle',
          `${unsent} pages of the frozen container keep changing their frames or cannot be brought into memory; is the guest short of memory?`,
        );
      }
    }
    cpu.spentOn('scanSeconds');
    await abortable(dropped.landed, options.signal);
    if (options.last) await this.objects.closeAll();
    cpu.spentOn('hypercallSeconds');
    return {
      ...emptyResult,
      pages: total.pages,
      bytes: total.pages * PAGE_BYTES,
      hypercalls: this.objects.hypercalls - hypercallsBefore,
      dirtyPagesAfter: options.last ? 0 : total.moved + total.dirty,
      pagesMoved: total.moved,
      scanSeconds,
      seconds: secondsSince(clock, startMs),
      pausedSeconds: snapshot.pausedSeconds,
      taskCount: selected.length,
      feedback: JSON.stringify(policy.describe()),
      frozenDirty: snapshot.frozenDirty ?? null,
      cpu: cpu.result,
    };
  }

  /** Of a frozen task whose dirty bits have been cleared: notes what the parent images will list, finds what is due. */
  private vouchedDue(memory: TaskMemory, pages: PageRanges): Selected {
    this.present.set(memory.task.namespacePid, pages);
    return found(memory, memory.due(pages));
  }

  /** Of a frozen task whose dirty pages have been sent, or are CRIU's (`keepsDirty`), what else is to be sent. */
  private vouchedUnsent(memory: TaskMemory, pages: PageRanges, keepsDirty: boolean): Selected {
    const ours = keepsDirty ? memory.cleanOf(pages) : pages;
    this.present.set(memory.task.namespacePid, ours);
    return found(memory, memory.unsent(ours));
  }

  /** Sends all runs and waits until they have landed. */
  private async send(
    selected: readonly Selected[],
    sentBefore: number,
    { onProgress, signal }: RoundOptions,
  ): Promise<number> {
    const { client, policy, clock } = this.parts;
    const pagesTotal = sentBefore + totalPages(selected);
    let pagesLanded = sentBefore;
    const onLanded = (runs: RunList): void => {
      pagesLanded += runs.pageCount;
      onProgress({ pagesSent: pagesLanded, pagesTotal, hypercalls: this.objects.hypercalls });
    };
    for (const { memory, windows } of selected) {
      if (pageCount(windows) === 0) continue;
      const object = await this.objects.open(memory);
      const send = (runs: RunList): Promise<SentRuns> => this.objects.send(object, runs);
      const transferPages = pageCount(windows);
      const hypercallSeconds = (): number => client.hypercallSeconds;
      const batcher = new Batcher({ policy, send, onLanded, transferPages, hypercallSeconds, clock });
      await abortable(batcher.add(allRuns(windows)), signal);
      await abortable(batcher.finish(), signal);
    }
    return pagesTotal - sentBefore;
  }

  /** For a migration that ends before its last round. */
  closeObjects(): Promise<void> {
    return this.objects.closeAll();
  }
}

/** One list, because each `add` lets the event loop turn, which an emulated guest feels. */
function allRuns(windows: readonly SelectedWindow[]): RunList {
  const all = new RunList(windows.reduce((sum, { runs }) => sum + runs.length, 0));
  for (const { runs } of windows) {
    if (runs.length === 0) continue;
    // Only the first may go on from the window before.
    all.append(runs.pfn(0), runs.count(0), runs.page(0));
    all.appendFrom(runs, 1, Infinity, Infinity);
  }
  return all;
}

function totalPages(selected: readonly Selected[]): number {
  return selected.reduce((sum, { windows }) => sum + pageCount(windows), 0);
}

function pageCount(windows: readonly SelectedWindow[]): number {
  return windows.reduce((sum, { runs }) => sum + runs.pageCount, 0);
}

function wantedPages(selected: readonly Selected[]): number {
  return selected.reduce((sum, { wantedPages: pages }) => sum + pages, 0);
}

function found(memory: TaskMemory, wanted: PageRanges): Selected {
  return { memory, wantedPages: wanted.pageCount, windows: memory.select(wanted) };
}
