/**
 * One task's pagemap: which pages are its own, in which frames they are, and its dirty bits cleared.
 *
 * A page that is swapped out, or on its way to another frame, has no frame to name, and a vdso page that was never
 * touched has none yet; reading one byte of each through /proc/PID/mem brings it in, as far as it can be read.
 *
 * The owner closes it. A task that ends meanwhile reads as empty: its exit is seen in the next list of tasks.
 */
import { closeSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';

import { asPortkeyError, PortkeyError } from '../../../libraries/errors/index.js';
import { errorCodeOf, PagemapScanner } from '../../../libraries/libc/index.js';
import type { Task } from '../../../libraries/runtime/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import { FrameRuns } from './frame-runs.js';
import { joined, outside, privateMappings, type Mapping, type PageSpan } from './address-space.js';
import { askKernel, lookThrough } from './own-pages.js';
import { PageRanges, rangeFlag } from './page-ranges.js';
import { entryBytes, isPresent, isSwapped, wordsPerEntry } from './pagemap-words.js';

const pagesPerRead = 128 * 1024;

/** What all tasks of an agent share: buffers, and what is known of the kernel. */
export class PagemapReader {
  readonly scanner = new PagemapScanner();
  readonly frames = new FrameRuns();
  readonly scratch = Buffer.allocUnsafeSlow(pagesPerRead * entryBytes);
  /** Until the kernel says otherwise. */
  hasScan = true;

  /** `zeroPfn`: frame of the kernel's zero page, which CRIU does not dump. */
  constructor(readonly zeroPfn: number) {}
}

export class TaskPagemap {
  private constructor(
    private readonly pid: number,
    private readonly pagemap: number,
    private readonly reader: PagemapReader,
  ) {}

  /** Undefined where the task has ended. Throws `scan-failed` where the kernel hides frames (needs CAP_SYS_ADMIN). */
  static open({ pid }: Pick<Task, 'pid'>, reader: PagemapReader): TaskPagemap | undefined {
    try {
      return new TaskPagemap(pid, openSync(`/proc/${pid}/pagemap`, 'r'), reader);
    } catch (error) {
      if (isGone(error)) return undefined;
      throw new PortkeyError(
        'scan-failed',
        `cannot read the pagemap of pid ${pid}: ${asPortkeyError(error).message}; the checkpoint service needs CAP_SYS_ADMIN`,
      );
    }
  }

  /**
   * False once the task has other memory than when this was opened: it called exec, or has ended. The kernel then
   * answers every read of the old memory's pagemap with nothing (fs/proc/task_mmu.c: mmget_not_zero).
   */
  isCurrent(): boolean {
    return readSync(this.pagemap, this.reader.scratch, 0, entryBytes, 0) === entryBytes;
  }

  close(): void {
    closeSync(this.pagemap);
  }

  /** From here on every write to a private page sets its soft-dirty bit (kernel: admin-guide/mm/soft-dirty.rst). */
  clearDirty(): void {
    ignoreGone(() => writeFileSync(`/proc/${this.pid}/clear_refs`, '4'));
  }

  /** The task's own pages and those of its vdso, by address. */
  ownPages(): PageRanges {
    const ranges = new PageRanges();
    for (const mapping of this.mappings()) {
      if (mapping.isVdso) ranges.append(mapping.firstPage, mapping.pageCount, rangeFlag.vdso);
      else this.addOwn(mapping, false, ranges);
    }
    return ranges;
  }

  /** How many of them, outside these spans, were written since the dirty bits were cleared. */
  dirtyPageCount(except: readonly PageSpan[] = []): number {
    const ranges = new PageRanges();
    for (const mapping of this.mappings()) {
      if (mapping.isVdso) continue;
      for (const part of outside(mapping, except)) this.addOwn(part, true, ranges);
    }
    return ranges.pageCount;
  }

  /** The entries of these pages, those brought in that have no frame. `isVdso`: also those never touched. */
  entries(firstPage: number, pageCount: number, isVdso: boolean): Int32Array {
    const words = this.look(firstPage, pageCount);
    if (!this.reader.frames.hasAbsent(words, isVdso)) return words.slice();
    const absent: number[] = [];
    for (let at = 0; at < words.length; at += wordsPerEntry) {
      const high = words[at + 1] ?? 0;
      if (isSwapped(high) || (isVdso && !isPresent(high))) absent.push(firstPage + at / wordsPerEntry);
    }
    this.bringIn(absent);
    return this.look(firstPage, pageCount).slice();
  }

  /** The entries of these pages as they are; a view that is good until the next call. */
  look(firstPage: number, pageCount: number): Int32Array {
    const { scratch } = this.reader;
    const bytes = pageCount * entryBytes;
    let got = 0;
    while (got < bytes) {
      const at = firstPage * entryBytes + got;
      const read = ignoreGone(() => readSync(this.pagemap, scratch, got, bytes - got, at)) ?? 0;
      if (read === 0) break;
      got += read;
    }
    scratch.fill(0, got, bytes);
    return new Int32Array(scratch.buffer, scratch.byteOffset, pageCount * wordsPerEntry);
  }

  private mappings(): Mapping[] {
    return joined(privateMappings(ignoreGone(() => readFileSync(`/proc/${this.pid}/maps`, 'utf8')) ?? ''));
  }

  private addOwn(mapping: PageSpan, onlyDirty: boolean, ranges: PageRanges): void {
    const { reader } = this;
    reader.hasScan &&=
      ignoreGone(() => askKernel(reader.scanner, this.pagemap, mapping, onlyDirty, ranges)) ?? true;
    if (reader.hasScan) return;
    for (let done = 0; done < mapping.pageCount; done += pagesPerRead) {
      const first = mapping.firstPage + done;
      const words = this.look(first, Math.min(pagesPerRead, mapping.pageCount - done));
      lookThrough(words, first, reader.zeroPfn, onlyDirty, ranges);
    }
  }

  private bringIn(pages: readonly number[]): void {
    const memory = ignoreGone(() => openSync(`/proc/${this.pid}/mem`, 'r'));
    if (memory === undefined) return;
    try {
      // One that cannot be read (EIO) must not keep the others out.
      for (const page of pages)
        ignoreGone(() => readSync(memory, this.reader.scratch, 0, 1, page * PAGE_BYTES));
    } finally {
      closeSync(memory);
    }
  }
}

function ignoreGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** A task that ended: its files vanish (ENOENT), are empty shells (ESRCH), or have no memory (EIO). */
function isGone(error: unknown): boolean {
  return ['ENOENT', 'ESRCH', 'EIO'].includes(errorCodeOf(error) ?? '');
}
