/**
 * Fuzzing of what the relay takes from a guest and from other relays: `npm run test:fuzz [-- --cases N] [-- --seed N]`.
 *
 * Cases are shared out among the targets by what one of them costs. Ends with 1, the case and the seed, where a rule was
 * broken, and with 2 where an argument is wrong. A run with the same seed and number of cases is the same run.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

import {
  argumentsOrExit,
  fuzz,
  makeScratchFolder,
  Random,
  wholeNumber,
  type Target,
} from '../../../libraries/fuzzing/index.js';
import { conversationTarget } from './conversation-target.js';
import { framesTarget } from './frames-target.js';
import { openTestRam } from './test-ram.js';
import { streamTarget } from './stream-target.js';

// Most cases end with an error that nobody sees, and its stack would be most of the time.
Error.stackTraceLimit = 0;

const mostCases = 1e12;

const { caseCount, seed } = argumentsOrExit(() => {
  const { values } = parseArgs({
    options: { cases: { type: 'string', default: '10000000' }, seed: { type: 'string', default: '1' } },
  });
  return {
    caseCount: wholeNumber('--cases', values.cases, 1, mostCases),
    seed: wholeNumber('--seed', values.seed, 0, 2 ** 32 - 1),
  };
});
const root = makeScratchFolder();
const test = openTestRam(path.join(root, 'ram'));
const landing = mkdtempSync(path.join(root, 'landing-'));

async function run<Case>(target: Target<Case>, share: number): Promise<void> {
  const cases = Math.ceil(caseCount * share);
  const onProgress = (count: number, outcomes: number): void => {
    if (process.stderr.isTTY)
      process.stderr.write(`\r${target.name}: ${count} of ${cases} cases, ${outcomes} outcomes `);
  };
  const options = { caseCount: cases, random: new Random(seed), nowMs: () => performance.now(), onProgress };
  const { outcomes, seconds, heapGrowthBytes } = await fuzz(target, options);
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  console.log(
    `${target.name}: ${cases} cases, ${outcomes.size} different outcomes, ${seconds.toFixed(1)} s ` +
      `(${Math.round(cases / seconds)} a second), heap grown by ${(heapGrowthBytes / 2 ** 20).toFixed(1)} MiB`,
  );
}

try {
  console.log(`seed ${seed}`);
  await run(framesTarget(), 0.93);
  await run(conversationTarget(test), 0.06);
  await run(streamTarget(landing), 0.01);
  console.log('no rule was broken');
} catch (error) {
  console.error(`broken with seed ${seed}: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  test.close();
  rmSync(root, { recursive: true, force: true });
}
