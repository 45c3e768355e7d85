/**
 * A program that fuzzes: its arguments, a scratch folder, a line for each target, and how it ends.
 *
 * Ends with 1, the case and the seed, where a rule was broken, and with 2 where an argument is wrong; a case that does not end kills it (watchdog.ts). A run with the same
 * seed and number of cases is the same run. The scratch folder is removed, whatever happens.
 */
import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { argumentsOrExit, wholeNumber } from './arguments.js';
import { fuzz, type Target } from './fuzzer.js';
import { Random } from './random.js';
import { makeScratchFolder } from './scratch-folder.js';
import { Watchdog } from './watchdog.js';

const mostCases = 1e12;
/** The slowest case takes a minute at most, on a machine that has other things to do. */
const patienceMs = 120_000;

/** Tries this share of the cases that were asked for on a target, and prints what came of it. */
export type RunTarget = <Case>(target: Target<Case>, share: number) => Promise<void>;

/** `work` runs its targets, with what they make in `root`. */
export async function runFuzzProgram(work: (run: RunTarget, root: string) => Promise<void>): Promise<void> {
  // Most cases end with an error that nobody sees, and its stack would be most of the time.
  Error.stackTraceLimit = 0;
  const { caseCount, seed } = argumentsOrExit(readArguments);
  const root = makeScratchFolder();
  const watchdog = await Watchdog.start(patienceMs);
  try {
    console.log(`seed ${seed}`);
    await work(
      (target, share) => runTarget(target, { caseCount: Math.ceil(caseCount * share), seed, watchdog }),
      root,
    );
    console.log('no rule was broken');
  } catch (error) {
    console.error(`broken with seed ${seed}: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  } finally {
    await watchdog.close();
    rmSync(root, { recursive: true, force: true });
  }
}

function readArguments(): { caseCount: number; seed: number } {
  const { values } = parseArgs({
    options: { cases: { type: 'string', default: '10000000' }, seed: { type: 'string', default: '1' } },
  });
  return {
    caseCount: wholeNumber('--cases', values.cases, 1, mostCases),
    seed: wholeNumber('--seed', values.seed, 0, 2 ** 32 - 1),
  };
}

interface Share {
  readonly caseCount: number;
  readonly seed: number;
  readonly watchdog: Watchdog;
}

async function runTarget<Case>(target: Target<Case>, { caseCount, seed, watchdog }: Share): Promise<void> {
  const onProgress = (count: number, outcomeCount: number): void => {
    if (process.stderr.isTTY)
      process.stderr.write(`\r${target.name}: ${count} of ${caseCount} cases, ${outcomeCount} outcomes `);
  };
  const options = {
    caseCount,
    random: new Random(seed),
    nowMs: () => performance.now(),
    onProgress,
    watchdog,
  };
  const { outcomes, seconds, heapGrowthBytes } = await fuzz(target, options);
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  console.log(
    `${target.name}: ${caseCount} cases, ${outcomes.size} different outcomes, ${seconds.toFixed(1)} s ` +
      `(${Math.round(caseCount / seconds)} a second), heap grown by ${(heapGrowthBytes / 2 ** 20).toFixed(1)} MiB`,
  );
}
