/** The digests of a whole container, and what they took: what both agents answer. */
import { secondsSince, type Clock } from '../process/index.js';
import type { PageDigests } from '../rpc/index.js';
import { digestFormat, type RegionDigest } from './digest.js';

export interface DigestMeter {
  readonly clock: Clock;
  /** What this process has used of its CPU so far. */
  readonly cpuSeconds: () => number;
}

/** What is digested: a task's own pages, or those of an object of shared memory (`namespacePid` is 0). */
export interface Owner {
  readonly namespacePid: number;
  readonly sharedMemory: number;
}

/** One after the other; undefined for what is out of reach. Throws what `digest` throws. */
export async function digestTasks<T extends Owner>(
  { clock, cpuSeconds }: DigestMeter,
  tasks: Iterable<T>,
  digest: (task: T) => Promise<RegionDigest[] | undefined>,
): Promise<PageDigests> {
  const [startMs, usedBefore] = [clock.monotonicMs(), cpuSeconds()];
  const regions: PageDigests['regions'] = [];
  const outOfReach: number[] = [];
  for (const task of tasks) {
    const { namespacePid, sharedMemory } = task;
    const digests = await digest(task);
    if (digests === undefined) outOfReach.push(sharedMemory);
    for (const region of digests ?? []) regions.push({ namespacePid, sharedMemory, ...region });
  }
  const seconds = secondsSince(clock, startMs);
  return { format: digestFormat, regions, outOfReach, seconds, cpuSeconds: cpuSeconds() - usedBefore };
}
