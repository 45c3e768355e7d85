/**
 * One task's pagemap, read in large pieces, and its dirty bits cleared.
 *
 * A read covers up to 128 Ki pages; of those only the blocks of 4096 pages that have any page in memory are kept,
 * so that reserved but unused address space costs one cheap read and no memory.
 * A page that is swapped out has no frame to name, and a vdso page that was never touched has none yet; reading
 * one byte of each through /proc/PID/mem brings it in, and the block is read again.
 *
 * The owner closes it. A task that ends meanwhile reads as empty: its exit is seen in the next list of tasks.
 */
import { closeSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';

import { asPortkeyError, PortkeyError } from '../../../libraries/errors/index.js';
import type { Task } from '../../../libraries/runtime/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import { privateMappings, type Mapping } from './address-space.js';
import { entryBytes, isPresent, isSwapped, wordsPerEntry } from './pagemap-words.js';
import type { Block } from './select.js';

const pagesPerRead = 128 * 1024;
const pagesPerBlock = 4096;

export class TaskPagemap {
  private readonly scratch = Buffer.allocUnsafeSlow(pagesPerRead * entryBytes);

  private constructor(
    private readonly pid: number,
    private readonly pagemap: number,
  ) {}

  /** Undefined where the task has ended. Throws `scan-failed` where the kernel hides frames (needs CAP_SYS_ADMIN). */
  static open({ pid }: Task): TaskPagemap | undefined {
    try {
      return new TaskPagemap(pid, openSync(`/proc/${pid}/pagemap`, 'r'));
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
    return readSync(this.pagemap, this.scratch, 0, entryBytes, 0) === entryBytes;
  }

  close(): void {
    closeSync(this.pagemap);
  }

  /** From here on every write to a private page sets its soft-dirty bit (kernel: admin-guide/mm/soft-dirty.rst). */
  clearDirty(): void {
    ignoreGone(() => writeFileSync(`/proc/${this.pid}/clear_refs`, '4'));
  }

  /** All blocks with pages in memory, by address. */
  read(): Block[] {
    const maps = ignoreGone(() => readFileSync(`/proc/${this.pid}/maps`, 'utf8')) ?? '';
    return privateMappings(maps).flatMap((mapping) => this.readMapping(mapping));
  }

  /** One block again with all of its pages in memory. A page that the kernel is moving is waited for. */
  refresh(block: Block): Block {
    const now = this.reread(block);
    return this.bringIn(now) ? this.reread(now) : now;
  }

  /** One block again, as it is now. */
  reread({ firstPage, words, isVdso }: Block): Block {
    return { firstPage, words: this.readWords(firstPage, words.length / wordsPerEntry).slice(), isVdso };
  }

  private readMapping(mapping: Mapping): Block[] {
    const blocks: Block[] = [];
    for (let done = 0; done < mapping.pageCount; done += pagesPerRead) {
      const count = Math.min(pagesPerRead, mapping.pageCount - done);
      const words = this.readWords(mapping.firstPage + done, count);
      for (let start = 0; start < count; start += pagesPerBlock) {
        const part = words.subarray(start * wordsPerEntry, (start + pagesPerBlock) * wordsPerEntry);
        if (!mapping.isVdso && !hasContent(part)) continue;
        blocks.push({
          firstPage: mapping.firstPage + done + start,
          words: part.slice(),
          isVdso: mapping.isVdso,
        });
      }
    }
    return blocks.map((block) => (this.bringIn(block) ? this.reread(block) : block));
  }

  /** True if any page of the block had to be brought into memory. */
  private bringIn({ firstPage, words, isVdso }: Block): boolean {
    const absent: number[] = [];
    for (let index = 0; index < words.length; index += wordsPerEntry) {
      const high = words[index + 1] ?? 0;
      if (isSwapped(high) || (isVdso && !isPresent(high))) absent.push(firstPage + index / wordsPerEntry);
    }
    if (absent.length === 0) return false;
    ignoreGone(() => {
      const memory = openSync(`/proc/${this.pid}/mem`, 'r');
      try {
        for (const page of absent) readSync(memory, this.scratch, 0, 1, page * PAGE_BYTES);
      } finally {
        closeSync(memory);
      }
    });
    return true;
  }

  /** A view of the scratch buffer, valid until the next read. */
  private readWords(firstPage: number, pageCount: number): Uint32Array {
    const bytes = pageCount * entryBytes;
    let got = 0;
    while (got < bytes) {
      const read =
        ignoreGone(() =>
          readSync(this.pagemap, this.scratch, got, bytes - got, firstPage * entryBytes + got),
        ) ?? 0;
      if (read === 0) break;
      got += read;
    }
    this.scratch.fill(0, got, bytes);
    return new Uint32Array(this.scratch.buffer, this.scratch.byteOffset, pageCount * wordsPerEntry);
  }
}

/** Whether any page is in memory or swapped out. */
function hasContent(words: Uint32Array): boolean {
  for (let index = 1; index < words.length; index += wordsPerEntry) {
    const high = words[index] ?? 0;
    if (isPresent(high) || isSwapped(high)) return true;
  }
  return false;
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
  return error instanceof Error && 'code' in error && ['ENOENT', 'ESRCH', 'EIO'].includes(String(error.code));
}
