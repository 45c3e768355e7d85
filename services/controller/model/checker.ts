/**
 * Has SPIN look through every state of the model of the hand-over (hand-over.pml).
 *
 *     transition table ──promela.ts──▶ transitions.pml ┐
 *                                      hand-over.pml ──┴─ spin -a ─▶ pan.c ─ cc ─▶ pan ─▶ no errors, or how one comes about
 *
 * Two properties are checked, each by a search of its own: `safe` looks for a state that breaks an assertion or in which
 * somebody waits for ever, `ends` for an execution without end. `defines` takes a safeguard out of the model, or allows
 * more faults. Everything is made in a folder of the caller's. Spin 6.5 and a C compiler are Debian packages (spin, gcc,
 * libc6-dev).
 *
 * Limits: what is checked is the model, with as many controllers and faults as it was given; that the code steps like it
 * is for its tests to show.
 */
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { runChecked, type RunCommand } from '../../../libraries/process/index.js';
import { transitions } from '../state/states.js';
import { promelaOf } from './promela.js';

export interface Check {
  readonly property: 'safe' | 'ends';
  /** As for the C preprocessor: `FAULTS=3`, `FORGETFUL`. */
  readonly defines: readonly string[];
}

export interface Findings {
  readonly holds: boolean;
  /** The states that were looked at. */
  readonly stateCount: number;
  readonly seconds: number;
  /** What SPIN found, in its own words; empty where the property holds. */
  readonly error: string;
}

export interface Verdict extends Findings {
  /** What happened, step by step, up to the error; empty where the property holds. */
  readonly trail: string;
}

/** How pan is compiled (Spin's manual, "Pan"), and how it is started. COLLAPSE packs states; NP finds cycles. */
const searches = {
  safe: { compile: ['-DSAFETY'], run: [] },
  ends: { compile: ['-DNP'], run: ['-l'] },
} as const;
const memoryMebibytes = 6144;
const deepestStep = 2_000_000;
const timeoutMs = 20 * 60_000;
const model = new URL('./hand-over.pml', import.meta.url);

/** Throws `internal` where SPIN did not look at every state, and where it or the compiler failed. */
export async function check(run: RunCommand, folder: string, { property, defines }: Check): Promise<Verdict> {
  await mkdir(folder, { recursive: true });
  await copyFile(model, path.join(folder, 'hand-over.pml'));
  await writeFile(path.join(folder, 'transitions.pml'), promelaOf(transitions));
  const flags = defines.map((define) => `-D${define}`);
  const options = { cwd: folder, timeoutMs };
  const search = searches[property];
  await runChecked(run, ['spin', '-a', ...flags, 'hand-over.pml'], options);
  // Optimizing takes ten times as long as the search saves by it.
  // prettier-ignore
  await runChecked(run, ['cc', '-O0', '-w', '-DCOLLAPSE', `-DMEMLIM=${memoryMebibytes}`, ...search.compile,
                         '-o', 'pan', 'pan.c'], options);
  const { stdout } = await run(['./pan', `-m${deepestStep}`, ...search.run], options);
  const findings = findingsOf(stdout);
  if (findings.holds) return { ...findings, trail: '' };
  const replay = await run(['spin', '-t', '-p', '-g', ...flags, 'hand-over.pml'], options);
  return { ...findings, trail: replay.stdout };
}

/** Of what `pan` prints. Throws `internal` where it did not look at everything, and found nothing in the rest. */
export function findingsOf(printed: string): Findings {
  const errors = /errors: (\d+)/.exec(printed)?.[1];
  const holds = errors === '0';
  const isIncomplete =
    errors === undefined || /max search depth too small|Search not completed|out of memory/.test(printed);
  if (holds ? isIncomplete : errors === undefined) {
    const start = printed.trim().split('\n').slice(0, 3).join('; ');
    throw new PortkeyError('internal', `SPIN did not look at every state of the model: ${start}`);
  }
  return {
    holds,
    stateCount: Number(/^\s*([\d.e+]+) states, stored/m.exec(printed)?.[1] ?? 0),
    seconds: Number(/elapsed time ([\d.e+-]+) seconds/.exec(printed)?.[1] ?? 0),
    error: holds ? '' : (/^pan:\d+: (.*)$/m.exec(printed)?.[1] ?? 'an error'),
  };
}
