/**
 * The pages of a task, or of an object of shared memory, as its images have them, found as CRIU finds them (criu/pagemap.c).
 *
 *     final/pagemap-1.img   what there is ── PARENT ──▶ parent/pagemap-1.img ── PARENT ──▶ parent/parent/…
 *          │ PRESENT                                        │ PRESENT
 *          ▼                                                ▼
 *     final/pages-7.img                               parent/pages-1.img
 *
 * A page is in the pages file of the first level that says PRESENT of it; where in the file follows from all PRESENT pages
 * before it. A level without a pagemap of this task has no parent for it either: the task did not exist then.
 * In CRIU mode the levels are the dumps, newest first. In Portkey mode there are two: CRIU's final dump, and what the
 * relay landed, where a page's place in the file is its address (libraries/criu-images/pagemap.ts).
 *
 * What a level lists is kept as numbers, and no more of it than a budget for all levels has (run-budget.ts). The levels are all
 * open at once, so nothing of a level's file is kept while its parent is read.
 *
 * The parents are looked for by their links, as those are, so that none leads out of the migration (image-folder.ts).
 *
 * Whatever is not where it should be is a `digest-mismatch`: CRIU could not restore it. The owner closes it.
 */
import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';

import { eachRun } from '../../../libraries/criu-images/index.js';
import { PortkeyError } from '../../../libraries/errors/index.js';
import { errorCodeOf } from '../../../libraries/libc/index.js';
import type { PageRun } from '../../../libraries/page-digest/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import { ImageFolder } from './image-folder.js';
import { LevelRuns, type LevelRun } from './level-runs.js';
import { orNotWhole } from './not-whole.js';
import { RunBudget } from './run-budget.js';

export class LandedMemory {
  private constructor(
    /** For messages. */
    private readonly folder: string,
    /** Of the pagemap image. */
    private readonly name: string,
    private readonly pagesId: number,
    private readonly levelRuns: LevelRuns,
    /** Undefined where it did not land, which may be as well: not each level need have pages. */
    private readonly file: FileHandle | undefined,
    private readonly parent: LandedMemory | undefined,
  ) {}

  /**
   * `name`: of its pagemap image (pagemap-name.ts); `budget`: for all of them, if there are others. Throws `digest-mismatch`, and the
   * signal's reason.
   */
  static open(
    folder: string,
    name: string,
    signal: AbortSignal,
    budget = RunBudget.ofAllDumps(folder),
  ): Promise<LandedMemory> {
    const open = async (): Promise<LandedMemory> => {
      const memory = await LandedMemory.openLevel(ImageFolder.open(folder, signal), name, budget);
      if (memory !== undefined) return memory;
      throw new PortkeyError('digest-mismatch', `${name} is not in ${folder} any more`);
    };
    return orNotWhole(folder, open, signal);
  }

  /** Closes the folder. */
  private static async openLevel(
    folder: ImageFolder,
    name: string,
    budget: RunBudget,
  ): Promise<LandedMemory | undefined> {
    let file: FileHandle | undefined;
    try {
      const pagemap = await orNotThere(readPagemap(folder, name, budget));
      if (pagemap === undefined) return undefined;
      const { pagesId, runs } = pagemap;
      file = await orNotThere(folder.file(`pages-${pagesId}.img`));
      const above = await folder.parent();
      const parent = above === undefined ? undefined : await LandedMemory.openLevel(above, name, budget);
      return new LandedMemory(folder.path, name, pagesId, runs, file, parent);
    } catch (error) {
      await file?.close();
      throw error;
    } finally {
      folder.close();
    }
  }

  /** All pages that CRIU would restore, by address. */
  get runs(): Iterable<PageRun> {
    return this.levelRuns;
  }

  /** The content from this page on. Throws `digest-mismatch`. */
  read(page: number, into: Buffer): Promise<void> {
    return orNotWhole(this.folder, () => this.readLevels(page, into));
  }

  private async readLevels(page: number, into: Buffer): Promise<void> {
    for (let done = 0; done < into.length;) {
      const at = page + done / PAGE_BYTES;
      const run = this.runOf(at);
      const byteLength = Math.min(into.length - done, (run.page + run.pageCount - at) * PAGE_BYTES);
      const piece = into.subarray(done, done + byteLength);
      if (run.offset !== undefined) await this.readOwn(run.offset + (at - run.page) * PAGE_BYTES, piece, at);
      else if (this.parent !== undefined) await this.parent.readLevels(at, piece);
      else throw this.missing(at, `is in the parent of ${this.folder}, which has none`);
      done += byteLength;
    }
  }

  async close(): Promise<void> {
    await this.file?.close();
    await this.parent?.close();
  }

  private async readOwn(offset: number, into: Buffer, page: number): Promise<void> {
    const name = path.join(this.folder, `pages-${this.pagesId}.img`);
    if (this.file === undefined) throw this.missing(page, `is in ${name}, which did not land`);
    for (let done = 0; done < into.length;) {
      const { bytesRead } = await this.file.read(into, done, into.length - done, offset + done);
      if (bytesRead === 0) throw this.missing(page, `is behind the end of ${name}`);
      done += bytesRead;
    }
  }

  private runOf(page: number): LevelRun {
    const run = this.levelRuns.of(page);
    if (run === undefined) throw this.missing(page, `is not in ${this.folder}`);
    return run;
  }

  private missing(page: number, where: string): PortkeyError {
    const address = `0x${(page * PAGE_BYTES).toString(16)}`;
    return new PortkeyError('digest-mismatch', `the page at ${address} in ${this.name} ${where}`);
  }
}

async function readPagemap(
  folder: ImageFolder,
  name: string,
  budget: RunBudget,
): Promise<{ pagesId: number; runs: LevelRuns }> {
  const runs = new LevelRuns();
  const content = await folder.read(name);
  const pagesId = eachRun(path.join(folder.path, name), content, {
    run: (run) => runs.add(run),
    record: budget.take,
  });
  return { pagesId, runs };
}

async function orNotThere<T>(act: Promise<T>): Promise<T | undefined> {
  try {
    return await act;
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
