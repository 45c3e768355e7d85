/**
 * Checks the model of the hand-over and prints what came of it: `npm run test:model [-- --faults 3] [-- --keep FOLDER]`,
 * the latter to look at what SPIN made. First with all safeguards, where everything must hold; then without one of them at
 * a time, which must break something. Exit 1 otherwise.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { runCommand } from '../../../libraries/process/index.js';
import { check } from './checker.js';
import { experimentsWith } from './experiments.js';

const { values } = parseArgs({
  options: { faults: { type: 'string', default: '2' }, keep: { type: 'string' } },
});
const folder = values.keep ?? (await mkdtemp(path.join(tmpdir(), 'portkey-model-')));
let wrongCount = 0;
try {
  for (const [index, { name, holds, ...what }] of experimentsWith(Number(values.faults)).entries()) {
    const verdict = await check(runCommand, path.join(folder, String(index)), what);
    const isRight = verdict.holds === holds;
    if (!isRight) wrongCount += 1;
    console.log(
      `${isRight ? 'as it should be' : 'NOT AS IT SHOULD BE'}: ${name}, ${what.defines.join(' ')}: ` +
        `${what.property === 'safe' ? 'one copy, and rest' : 'an end'}: ${verdict.holds ? 'holds' : `broken: ${verdict.error}`} ` +
        `(${verdict.stateCount} states, ${verdict.seconds} s)`,
    );
    if (!isRight) console.log(verdict.trail.split('\n').slice(-80).join('\n'));
  }
} finally {
  if (values.keep === undefined) await rm(folder, { recursive: true, force: true });
}
process.exitCode = wrongCount === 0 ? 0 : 1;
