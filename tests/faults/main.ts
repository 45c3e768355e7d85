/**
 * `npm run test:faults`: the fault matrix on real VMs.
 *
 * Every part that there is × every state that a migration reaches × every way to fail, each with a migration of its own, on one
 * test bed. Prints each cell as it ends, then the matrix, and writes all results to out/faults.json. Exit code 1 where a cell
 * failed. A cell that went wrong costs the container, not the cells after it. With `--endurance` it is many migrations with
 * faults drawn by lot instead. Ctrl-C ends it after the cell that runs, with what there is; `--resume` goes
 * on from there.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';

import { FaultBed, container } from './bed.js';
import { runCell, type Cell, type CellResult } from './cell.js';
import { endure, enduranceText, leaks } from './endurance.js';
import { kinds, parts } from './parts.js';
import { phases } from './phases.js';
import { isBeginningOf, matrixOf, randomFrom } from './plan.js';
import { moments } from './redis-link.js';
import { legend, matrixTable, summaryOf, summaryText } from './table.js';

/**
 * Longer than pings take to notice it (16 s), than a relay may be silent (17 s), than a command to Redis may take, and than an
 * undo is tried here.
 */
const holdMs = 18_000;
/** What is promised. */
const settleMs = 30_000;

const resultsFile = 'out/faults.json';

const usage = `usage: npm run test:faults -- [--parts a,b] [--kinds a,b] [--phases a,b] [--moments a,b] [--passes N] [--resume]
       npm run test:faults -- --endurance N [--seed N]
  parts: ${parts.join(', ')}
  kinds: ${kinds.join(', ')}
  phases: ${phases.join(', ')}
  moments: ${moments.join(', ')}
All of each where not said. A pass takes two to three hours under emulation; Ctrl-C ends it after a cell, and --resume, with the same
words, goes on after the last one in ${resultsFile}. The test bed must be down before, or --reuse takes over one that is up.`;

const { values } = parseArgs({
  options: {
    parts: { type: 'string' },
    kinds: { type: 'string' },
    phases: { type: 'string' },
    moments: { type: 'string' },
    passes: { type: 'string', default: '1' },
    endurance: { type: 'string' },
    seed: { type: 'string', default: '1' },
    reuse: { type: 'boolean', default: false },
    resume: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const say = (line: string): void => console.error(line);
const interrupted = new AbortController();

function chosen<T extends string>(text: string | undefined, all: readonly T[]): T[] {
  if (text === undefined) return [...all];
  return text.split(',').map((word) => {
    const found = all.find((each) => each === word.trim());
    if (found === undefined) throw new Error(`'${word}' is none of: ${all.join(', ')}`);
    return found;
  });
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
    Number(values.passes),
  );
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      say('stopping after this cell');
      interrupted.abort();
    });
  }
  const bed = values.reuse ? await FaultBed.takeOver() : await FaultBed.up(say);
  try {
    return values.endurance === undefined
      ? await matrix(bed, cells)
      : await endurance(bed, Number(values.endurance), Number(values.seed));
  } finally {
    await bed.giveBack();
    if (!values.reuse) await FaultBed.down(say);
  }
}

async function matrix(bed: FaultBed, cells: readonly Cell[]): Promise<number> {
  const results = values.resume ? await earlierResults(cells) : [];
  for (const cell of cells.slice(results.length)) {
    if (interrupted.signal.aborted) break;
    const result = await runOne(bed, cell);
    results.push(result);
    say(`${results.length}/${cells.length} ${cellLine(result)}`);
    await save(results);
  }
  const summary = summaryOf(results);
  console.log(`${matrixTable(results)}\n${legend}\n\n${summaryText(summary)}`);
  for (const result of results.filter(({ findings }) => findings.length > 0)) console.log(cellLine(result));
  return summary.failed === 0 && results.length === cells.length ? 0 : 1;
}

async function endurance(bed: FaultBed, migrations: number, seed: number): Promise<number> {
  say(`seed ${seed}`);
  const isOver = (): boolean => interrupted.signal.aborted;
  const result = await endure(bed, migrations, randomFrom(seed), runOne, isOver, say);
  console.log(`${summaryText(summaryOf(result.faults))}\n\n${enduranceText(result)}`);
  const isWhole = result.migrations === migrations;
  return isWhole && result.problems.length === 0 && leaks(result).length === 0 ? 0 : 1;
}

/** The container runs afterwards, whatever happened. */
async function runOne(bed: FaultBed, cell: Cell): Promise<CellResult> {
  const result = await runCellSafely(bed, cell);
  if (result.findings.length > 0 || result.ending === 'lost with its VM') await bed.startContainerAnew();
  return result;
}

async function runCellSafely(bed: FaultBed, cell: Cell): Promise<CellResult> {
  try {
    return await runCell(cell, container, await bed.scene(), { holdMs, settleMs });
  } catch (error) {
    const findings = [error instanceof Error ? error.message : String(error)];
    return { ...cell, ending: undefined, settleSeconds: 0, mostCopies: 0, lostWrites: 0, findings };
  }
}

async function earlierResults(cells: readonly Cell[]): Promise<CellResult[]> {
  const results = JSON.parse(await readFile(resultsFile, 'utf8')) as CellResult[];
  if (!isBeginningOf(cells, results))
    throw new Error(`${resultsFile} is of other cells; say the same words, or leave --resume out`);
  say(`${results.length} cells have been run before`);
  return results;
}

async function save(results: readonly CellResult[]): Promise<void> {
  await mkdir('out', { recursive: true });
  await writeFile(resultsFile, `${JSON.stringify(results, null, 2)}\n`);
}

function cellLine({ part, kind, phase, moment, ending, settleSeconds, findings }: CellResult): string {
  const what = `${part}: ${kind} when ${phase} is ${moment}:`;
  const end = `${ending ?? 'not settled'} after ${settleSeconds.toFixed(1)} s`;
  return [what, end, ...findings.map((finding) => `\n    ${finding}`)].join(' ');
}

process.exitCode = await main();
