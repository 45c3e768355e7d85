/**
 * What has come of the cells of a matrix so far, by their places in it, in a file: so that a run can go on where it was ended, also
 * on another machine, but not with other code.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';

import type { Cell, CellResult, Conditions } from './cell.js';

/** Null: not run yet. */
type Places = (CellResult | null)[];

export interface Wanted extends Conditions {
  /** See code.ts. */
  readonly code: string;
  readonly cells: readonly Cell[];
}

/** The file. */
interface Run extends Omit<Wanted, 'cells'> {
  readonly places: Places;
}

export class Results {
  private saving: Promise<void> = Promise.resolve();

  private constructor(
    private readonly file: string,
    private readonly cells: readonly Cell[],
    private readonly run: Run,
  ) {}

  static none(file: string, { cells, ...head }: Wanted): Results {
    return new Results(file, cells, { ...head, places: cells.map(() => null) });
  }

  /** Those of an earlier run. Throws where that was of other cells, under other conditions, or with other code. */
  static async earlier(
    file: string,
    { mode, holdSeconds, patienceSeconds, code, cells }: Wanted,
  ): Promise<Results> {
    const run = await readRun(file);
    const areAlike =
      run.mode === mode && run.holdSeconds === holdSeconds && run.patienceSeconds === patienceSeconds;
    if (!areAlike || !areOf(cells, run.places))
      throw new Error(`${file} is of other cells; say the same words, or leave --resume out`);
    if (run.code !== code)
      throw new Error(`${file} is of other code, of which it says nothing about this; leave --resume out`);
    return new Results(file, cells, run);
  }

  private get places(): Places {
    return this.run.places;
  }

  get done(): CellResult[] {
    return this.places.filter((result) => result !== null);
  }

  /** The places that have no result, in their order. */
  get open(): number[] {
    return [...this.places.keys()].filter((place) => this.places[place] === null);
  }

  cell(place: number): Cell {
    const cell = this.cells[place];
    if (cell === undefined) throw new RangeError(`the matrix has no cell ${place}`);
    return cell;
  }

  /** Resolves when the file has it. */
  add(place: number, result: CellResult): Promise<void> {
    this.places[place] = result;
    this.saving = this.saving.then(() => this.save());
    return this.saving;
  }

  /** One after the other, and whole or not at all: runs are ended at any time. */
  private async save(): Promise<void> {
    await mkdir(path.dirname(this.file), { recursive: true });
    const next = `${this.file}.next`;
    await writeFile(next, textOf(this.run));
    await rename(next, this.file);
  }
}

export async function readRun(file: string): Promise<Run> {
  return JSON.parse(await readFile(file, 'utf8')) as Run;
}

/** A line for each place: it is read in changes. */
function textOf({ places, ...head }: Run): string {
  const lines = places.map((place) => JSON.stringify(place));
  return `${JSON.stringify(head).slice(0, -1)},"places":[\n${lines.join(',\n')}\n]}\n`;
}

/** Whether there is a place for each cell, and in it nothing or the result of that cell. */
export function areOf(cells: readonly Cell[], places: readonly (Cell | null)[]): boolean {
  return (
    places.length === cells.length &&
    places.every((result, place) => {
      const cell = cells[place];
      if (result === null) return true;
      const { part, kind, phase, moment } = result;
      return cell?.part === part && cell.kind === kind && cell.phase === phase && cell.moment === moment;
    })
  );
}
