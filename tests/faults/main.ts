/**
 * `npm run test:faults`: the fault matrix on real VMs.
 *
 * Every part that there is × every state that a migration reaches × every way to fail, each with a migration of its own, on one
 * test bed or on some at once. Prints each cell as it ends, then the matrix, and writes all results to a file. Exit code 1 where a cell
 * failed. A cell that went wrong costs the container, not the cells after it. With `--endurance` it is many migrations with
 * faults drawn by lot instead. Ctrl-C ends it after the cell that runs, with what there is; `--resume` goes
 * on from there.
 */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';

import { formatBytes } from '../../libraries/units/index.js';
import { availableBytes } from '../../testbed/yardstick/whole-vm/room.js';
import { usualHoldSeconds, usualPatienceSeconds, type CellResult, type Conditions } from './cell.js';
import { codeDigest } from './code.js';
import { endure, enduranceText, leaks } from './endurance.js';
import { kinds, parts } from './parts.js';
import { phases } from './phases.js';
import { matrixOf, randomFrom } from './plan.js';
import { moments } from './redis-link.js';
import { RemoteRunner } from './remote-runner.js';
import { readRun, Results } from './results.js';
import { LocalRunner, type CellRunner } from './runner.js';
import { cellLine, legend, matrixTable, summaryOf, summaryText } from './table.js';
import { chosen, positiveNumber } from './words.js';

const defaultFile = 'out/faults.json';
const modes = ['portkey', 'criu'] as const;
/** RAM of its VMs, and what runs beside them. */
const bedBytes = 4.5 * 2 ** 30;

const usage = `usage: npm run test:faults -- [--parts a,b] [--kinds a,b] [--phases a,b] [--moments a,b] [--passes N] [--beds N] [--resume]
                                     [--mode criu] [--hold SECONDS] [--patience SECONDS] [--results FILE]
       npm run test:faults -- --show [--results FILE]
       npm run test:faults -- --endurance N [--seed N]
  parts: ${parts.join(', ')}
  kinds: ${kinds.join(', ')}
  phases: ${phases.join(', ')}
  moments: ${moments.join(', ')}
All of each where not said. A fault other than a kill lasts for ${usualHoldSeconds} s, and the controller tries to undo
for ${usualPatienceSeconds} s before it says what is left (as it comes: 90). A pass takes about an hour and a half under
emulation, an hour with --beds 2: that many test beds at once, isolated from each other. --show prints what a file of
results has, and runs nothing. Ctrl-C ends it after a cell, and --resume, with the same words and the same code, goes on
with those that the file of results (${defaultFile}) does not have. One test bed: it must be down before, or --reuse
takes over one that is up.`;

const options = {
  parts: { type: 'string' },
  kinds: { type: 'string' },
  phases: { type: 'string' },
  moments: { type: 'string' },
  passes: { type: 'string', default: '1' },
  beds: { type: 'string', default: '1' },
  mode: { type: 'string', default: 'portkey' },
  hold: { type: 'string', default: String(usualHoldSeconds) },
  patience: { type: 'string', default: String(usualPatienceSeconds) },
  results: { type: 'string', default: defaultFile },
  show: { type: 'boolean', default: false },
  endurance: { type: 'string' },
  seed: { type: 'string', default: '1' },
  reuse: { type: 'boolean', default: false },
  resume: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

const values = readOptions();

const say = (line: string): void => console.error(line);
const interrupted = new AbortController();

function conditions(): Conditions {
  const [mode = 'portkey'] = chosen(values.mode, modes);
  return {
    mode,
    holdSeconds: positiveNumber('hold', values.hold),
    patienceSeconds: positiveNumber('patience', values.patience),
  };
}

function readOptions(): ReturnType<typeof parseArgs<{ options: typeof options }>>['values'] {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(2);
  }
}

async function main(): Promise<number> {
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const cells = matrixOf(
    {
      parts: chosen(values.parts, parts),
      kinds: chosen(values.kinds, kinds),
      phases: chosen(values.phases, phases),
      moments: chosen(values.moments, moments),
    },
    positiveNumber('passes', values.passes),
  );
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      say('stopping after this cell');
      interrupted.abort();
    });
  }
  if (values.show) return show(values.results);
  const bedCount = positiveNumber('beds', values.beds);
  const seed = positiveNumber('seed', values.seed);
  if (values.endurance !== undefined) return endurance(positiveNumber('endurance', values.endurance), seed);
  if (bedCount > 1) await requireRoom(bedCount);
  const wanted = { ...conditions(), cells, code: await codeDigest('.') };
  return matrix(
    values.resume ? await Results.earlier(values.results, wanted) : Results.none(values.results, wanted),
    bedCount,
  );
}

async function matrix(results: Results, bedCount: number): Promise<number> {
  const open = results.open;
  const cellCount = open.length + results.done.length;
  if (results.done.length > 0) say(`${results.done.length} cells have been run before`);
  const workOff = async (starting: Promise<CellRunner>): Promise<void> => {
    const runner = await starting;
    try {
      while (!interrupted.signal.aborted) {
        const place = open.shift();
        if (place === undefined) break;
        const result = await runner.run(results.cell(place)).catch((error: unknown) => {
          // Its test bed is gone; another may run it.
          open.unshift(place);
          throw error;
        });
        await results.add(place, result);
        say(`${results.done.length}/${cellCount} ${cellLine(result)}`);
      }
    } finally {
      await runner.close();
    }
  };
  const ends = await Promise.allSettled(open.length === 0 ? [] : startRunners(bedCount).map(workOff));
  print(results.done);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return results.open.length === 0 && summaryOf(results.done).failed === 0 ? 0 : 1;
}

function print(done: readonly CellResult[]): void {
  if (done.length > 0) console.log(`${matrixTable(done)}\n${legend}\n\n${summaryText(summaryOf(done))}`);
  for (const result of done.filter(({ findings }) => findings.length > 0)) console.log(cellLine(result));
}

async function show(file: string): Promise<number> {
  const { mode, holdSeconds, patienceSeconds, code, places } = await readRun(file);
  const done = places.filter((result) => result !== null);
  print(done);
  const same = code === (await codeDigest('.')) ? 'the code that is here' : 'other code than is here';
  console.log(
    `${done.length} of ${places.length} cells have been run, in ${mode} mode, with faults of ${holdSeconds} s, a patience of ${patienceSeconds} s, and ${same}`,
  );
  return 0;
}

/** Each bed looks for itself alone whether it has room. */
async function requireRoom(bedCount: number): Promise<void> {
  const available = availableBytes(await readFile('/proc/meminfo', 'utf8'));
  if (available < bedCount * bedBytes)
    throw new Error(
      `${bedCount} test beds need ${formatBytes(bedCount * bedBytes)} of memory, and ${formatBytes(available)} is available; take fewer --beds`,
    );
}

/** Where there are several, each is isolated from all others: this process could reach into those that it starts. */
function startRunners(bedCount: number): Promise<CellRunner>[] {
  if (bedCount === 1) return [LocalRunner.start(values.reuse, conditions(), say)];
  const first = RemoteRunner.start('out/faults-bed-1', conditions());
  // The first one has made the image that all of them need.
  const others = Array.from({ length: bedCount - 1 }, (_, index) =>
    first.then(() => RemoteRunner.start(`out/faults-bed-${index + 2}`, conditions())),
  );
  return [first, ...others];
}

async function endurance(migrations: number, seed: number): Promise<number> {
  say(`seed ${seed}`);
  const runner = await LocalRunner.start(values.reuse, conditions(), say);
  const isOver = (): boolean => interrupted.signal.aborted;
  try {
    const result = await endure(runner, migrations, randomFrom(seed), isOver, say);
    console.log(`${summaryText(summaryOf(result.faults))}\n\n${enduranceText(result)}`);
    const isWhole = result.migrations === migrations;
    return isWhole && result.problems.length === 0 && leaks(result).length === 0 ? 0 : 1;
  } finally {
    await runner.close();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
}
