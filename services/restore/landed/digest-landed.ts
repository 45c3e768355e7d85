/** Digests of all pages that landed, as CRIU would read them (docs/verify.md). */
import {
  digestPages,
  digestTasks,
  runsOfNumbers,
  spansOfNumbers,
  type DigestMeter,
} from '../../../libraries/page-digest/index.js';
import type { PageDigests } from '../../../libraries/rpc/index.js';
import { listPages } from './landed-images.js';
import { LandedMemory } from './landed-memory.js';
import { pagemapName } from './pagemap-name.js';
import { RunBudget } from './run-budget.js';

/** Throws `digest-mismatch` where images are not whole, and the signal's reason when it fires. */
export async function digestLanded(
  meter: DigestMeter,
  images: string,
  signal: AbortSignal,
): Promise<PageDigests> {
  const { tasks } = await listPages(images, signal);
  const budget = RunBudget.ofAllDumps(images);
  return digestTasks(meter, tasks, async ({ runs, leftOut, ...owner }) => {
    const memory = await LandedMemory.open(images, pagemapName(owner), signal, budget);
    try {
      const pages = { runs: runsOfNumbers(runs), leftOut: spansOfNumbers(leftOut) };
      return await digestPages(pages, (page, into) => memory.read(page, into), signal);
    } finally {
      await memory.close();
    }
  });
}
