/**
 * The experiment in one test bed after the other: one bed for each memory that its VMs are to have.
 *
 * The first one has all of the plan. The others are there to be compared with it, so they have its migrations and no
 * yardsticks, which do not depend on the memory or are not compared. What would refuse a later bed is looked for before the
 * first one is brought up. A bed that is up has one memory, so with several it is refused.
 */
import type { TestbedState } from '../../testbed/index.js';
import { requireBed, withBed, type BedTools, type Beds, type BedWishes } from './bed.js';
import { unique, withoutYardsticks, type BenchPlan } from './plan.js';

export interface BedRun {
  readonly plan: BenchPlan;
  readonly wishes: BedWishes;
}

export interface BedRunOptions extends Omit<BedWishes, 'vmMemory'> {
  /** Bytes of each; undefined for one bed, of the memory that the largest container needs. */
  readonly vmMemory?: readonly number[];
}

/** One that is to be kept is the last. */
export function bedRunsOf(plan: BenchPlan, { vmMemory, keep, ...others }: BedRunOptions): BedRun[] {
  if (vmMemory === undefined) return [{ plan, wishes: { ...others, keep } }];
  const memories = unique(vmMemory);
  return memories.map((memory, index) => ({
    plan: index === 0 ? plan : withoutYardsticks(plan),
    wishes: { ...others, vmMemory: memory, keep: keep && index === memories.length - 1 },
  }));
}

/** Throws what `requireBed` throws of any of them, before anything is touched, and then what `withBed` throws. */
export async function inBeds(
  beds: Beds,
  runs: readonly BedRun[],
  tools: BedTools,
  work: (testbed: TestbedState, plan: BenchPlan) => Promise<void>,
): Promise<void> {
  for (const { plan, wishes } of runs) await requireBed(beds, plan, wishes);
  for (const { plan, wishes } of runs) {
    tools.signal.throwIfAborted();
    await withBed(beds, plan, wishes, tools, (testbed) => work(testbed, plan));
  }
}
