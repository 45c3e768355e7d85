/**
 * Fuzzing of what a destination VM takes from a hostile one: the second half of `npm run test:fuzz [-- --cases N] [-- --seed N]`.
 *
 * N is the number of the relay's cases (services/hypervisor-relay/fuzz). Of these here, of which most make files, there are as
 * many as take about as long. Ends with 1, the case and the seed, where a rule was broken, and with 2 where an argument is
 * wrong. A run with the same seed and number of cases is the same run.
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
import { decodersTarget } from './decoders-target.js';
import { landingTarget } from './landing-target.js';
import { uploadsTarget } from './uploads-target.js';

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

async function run<Case>(target: Target<Case>, share: number): Promise<void> {
  const cases = Math.ceil(caseCount * share);
  const { outcomes, seconds, heapGrowthBytes } = await fuzz(target, {
    caseCount: cases,
    random: new Random(seed),
    nowMs: () => performance.now(),
    onProgress: (count, outcomeCount) => {
      if (process.stderr.isTTY)
        process.stderr.write(`\r${target.name}: ${count} of ${cases} cases, ${outcomeCount} outcomes `);
    },
  });
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  console.log(
    `${target.name}: ${cases} cases, ${outcomes.size} different outcomes, ${seconds.toFixed(1)} s ` +
      `(${Math.round(cases / seconds)} a second), heap grown by ${(heapGrowthBytes / 2 ** 20).toFixed(1)} MiB`,
  );
}

const folderFor = (name: string): string => mkdtempSync(path.join(root, `${name}-`));

try {
  console.log(`seed ${seed}`);
  await run(decodersTarget(), 0.1);
  await run(landingTarget(folderFor('landing')), 0.002);
  await run(uploadsTarget(folderFor('uploads')), 0.003);
  console.log('no rule was broken');
} catch (error) {
  console.error(`broken with seed ${seed}: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  rmSync(root, { recursive: true, force: true });
}
