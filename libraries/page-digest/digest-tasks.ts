/** The digests of a whole container, and what they took: what both agents answer. */
import { secondsSince, type Clock } from '../process/index.js';
import type { PageDigests } from '../rpc/index.js';
import { digestFormat, type RegionDigest } from './digest.js';

export interface DigestMeter {
  readonly clock: Clock;
  /** What this process has used of its CPU so far. */
  readonly cpuSeconds: () => number;
}

/** One task after the other. Throws what `digest` throws. */
export async function digestTasks<T extends { readonly namespacePid: number }>(
  { clock, cpuSeconds }: DigestMeter,
  tasks: Iterable<T>,
  digest: (task: T) => Promise<RegionDigest[]>,
): Promise<PageDigests> {
  const [startMs, usedBefore] = [clock.monotonicMs(), cpuSeconds()];
  const regions: PageDigests['regions'] = [];
  for (const task of tasks) {
    const { namespacePid } = task;
    for (const region of await digest(task)) regions.push({ namespacePid, ...region });
  }
  const seconds = secondsSince(clock, startMs);
  return { format: digestFormat, regions, seconds, cpuSeconds: cpuSeconds() - usedBefore };
}
