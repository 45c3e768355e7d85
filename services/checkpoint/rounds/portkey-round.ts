/**
 * One round in Portkey mode: snapshot → DROPs of what is gone → runs → SENDs → landed → look again where the pages are.
 *
 * Frames are looked up for a second at most, and go to the batcher then, which says how much of them is a SEND
 * (libraries/hypercall/batcher.ts); the relay reads their pages while the next ones are looked up.
 * What is left of one task's pages goes out before the first of the next, but only the round waits for anything to land.
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

/** What must be sent of a task. */
interface Wanted {
  readonly memory: TaskMemory;
  readonly pages: PageRanges;
}

/** What has been sent of it: all that still was where it was looked up. */
interface Sent {
  readonly memory: TaskMemory;
  readonly windows: readonly SelectedWindow[];
}

const lookUpMs = 1_000;

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
    let wanted = snapshot.tasks.map(({ memory: task, pages }): Wanted => {
      if (!options.last) return { memory: task, pages: task.due(pages) };
      return keepsDirty ? this.vouchedUnsent(task, pages, true) : this.vouchedDue(task, pages);
    });
    const scan = { seconds: secondsSince(clock, startMs) };
    cpu.spentOn('scanSeconds');
    const dropped = await this.objects.dropGone(snapshot.tasks, options.signal);
    cpu.spentOn('hypercallSeconds');

    const total = { pages: 0, moved: 0, dirty: 0 };
    for (let pass = 0; ; pass += 1) {
      // Nothing was cleared after that look, so no other one is owed.
      if (keepsDirty && pageCount(wanted) === 0) break;
      const sent = await this.send(wanted, { sentBefore: total.pages, options, cpu, scan });
      total.pages += sent.reduce((sum, { windows }) => sum + pagesIn(windows), 0);
      const looks = sent.map(({ memory: task, windows }) => ({ task, look: task.revalidate(windows) }));
      total.moved += looks.reduce((sum, { look }) => sum + look.movedPages, 0);
      if (!options.last) {
        total.dirty = looks.reduce((sum, { task, look }) => sum + task.dirtyPageCount(look), 0);
        break;
      }
      wanted = wanted.map(({ memory: task }) => this.vouchedUnsent(task, task.ownPages(), keepsDirty));
      cpu.spentOn('scanSeconds');
      const unsent = pageCount(wanted);
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
      scanSeconds: scan.seconds,
      seconds: secondsSince(clock, startMs),
      pausedSeconds: snapshot.pausedSeconds,
      taskCount: wanted.length,
      feedback: JSON.stringify(policy.describe()),
      frozenDirty: snapshot.frozenDirty ?? null,
      cpu: cpu.result,
    };
  }

  /** Of a frozen task whose dirty bits have been cleared: notes what the parent images will list, finds what is due. */
  private vouchedDue(memory: TaskMemory, pages: PageRanges): Wanted {
    this.present.set(memory.task.namespacePid, pages);
    return { memory, pages: memory.due(pages) };
  }

  /** Of a frozen task whose dirty pages have been sent, or are CRIU's (`keepsDirty`), what else is to be sent. */
  private vouchedUnsent(memory: TaskMemory, pages: PageRanges, keepsDirty: boolean): Wanted {
    const ours = keepsDirty ? memory.cleanOf(pages) : pages;
    this.present.set(memory.task.namespacePid, ours);
    return { memory, pages: memory.unsent(ours) };
  }

  /** Looks up all pages, sends them, and waits until they have landed. */
  private async send(tasks: readonly Wanted[], sending: Sending): Promise<Sent[]> {
    const { client, policy, clock } = this.parts;
    const { options, cpu, scan, sentBefore } = sending;
    const { onProgress, signal } = options;
    const pagesTotal = sentBefore + pageCount(tasks);
    let pagesLanded = sentBefore;
    const onLanded = (runs: RunList): void => {
      pagesLanded += runs.pageCount;
      onProgress({ pagesSent: pagesLanded, pagesTotal, hypercalls: this.objects.hypercalls });
    };
    const sent: Sent[] = [];
    const batchers: Batcher[] = [];
    for (const { memory, pages } of tasks) {
      const windows: SelectedWindow[] = [];
      sent.push({ memory, windows });
      if (pages.pageCount === 0) continue;
      const object = await this.objects.open(memory);
      const send = (runs: RunList): Promise<SentRuns> => this.objects.send(object, runs);
      const transferPages = pages.pageCount;
      const hypercallSeconds = (): number => client.hypercallSeconds;
      const batcher = new Batcher({ policy, send, onLanded, transferPages, hypercallSeconds, clock });
      batchers.push(batcher);
      const selection = memory.select(pages);
      for (;;) {
        cpu.spentOn('hypercallSeconds');
        const startMs = clock.monotonicMs();
        const found = lookUp(selection, clock);
        windows.push(...found);
        scan.seconds += secondsSince(clock, startMs);
        cpu.spentOn('scanSeconds');
        if (found.length === 0) break;
        await abortable(batcher.add(allRuns(found)), signal);
      }
      await abortable(batcher.sendRest(), signal);
    }
    for (const batcher of batchers) await abortable(batcher.landed(), signal);
    cpu.spentOn('hypercallSeconds');
    return sent;
  }

  /** For a migration that ends before its last round. */
  closeObjects(): Promise<void> {
    return this.objects.closeAll();
  }
}

interface Sending {
  /** By earlier passes of the round. */
  readonly sentBefore: number;
  readonly options: RoundOptions;
  readonly cpu: RoundMeter;
  /** What the looking up takes is added to it. */
  readonly scan: { seconds: number };
}

/** The next windows; none where there are no more. */
function lookUp(
  selection: Generator<SelectedWindow, void>,
  clock: Pick<Clock, 'monotonicMs'>,
): SelectedWindow[] {
  const found: SelectedWindow[] = [];
  const startMs = clock.monotonicMs();
  while (clock.monotonicMs() - startMs < lookUpMs) {
    const { value } = selection.next();
    if (value === undefined) break;
    found.push(value);
  }
  return found;
}

/** One list, so that SENDs are full before the policy is asked whether one may go out that is not. */
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

function pagesIn(windows: readonly SelectedWindow[]): number {
  return windows.reduce((sum, { runs }) => sum + runs.pageCount, 0);
}

function pageCount(tasks: readonly Wanted[]): number {
  return tasks.reduce((sum, { pages }) => sum + pages.pageCount, 0);
}
