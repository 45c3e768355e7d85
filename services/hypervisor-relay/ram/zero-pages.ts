/**
 * Which pages of a batch hold nothing but zeroes, so that they need not travel.
 *
 * First the beginnings of all pages are gathered, by one system call for 1024 of them: `pwritev` from the mapped RAM
 * into a file in memory, which is read back. Most pages that are not zero show it there. Only the others are read
 * whole, neighbours together, and compared by Buffer's native compare.
 *
 * Invariants: guest RAM is read by system calls only, so RAM that went away is an error here and no crash. A page is
 * called zero only after all of it was seen to be. It may be written the moment after: then it is dirty, as a page
 * that is written after it was sent, and comes again.
 *
 * Limits: a page that begins with zeroes and is not zero is read once in vain (measure.js, row "zero but for the end").
 */
import { closeSync, readSync } from 'node:fs';

import { maxPagesPerSend, RunList } from '../../../libraries/hypercall/index.js';
import { IoVector, maxPieces, openMemoryFile } from '../../../libraries/libc/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import { RamMap, type RamSection } from './ram-map.js';

/** A mapped RAM file as a thread gets it, which neither unmaps nor closes it. */
export interface MappedRam {
  readonly fd: number;
  readonly address: number;
  readonly sections: readonly RamSection[];
}

/** Pages of an object that follow on from one another. */
export interface PageRange {
  readonly page: number;
  readonly count: number;
}

/** Enough of a page to tell most: 16 bytes, looked at as four words. */
const beginningBytes = 16;
const wordsPerBeginning = beginningBytes / 4;
/** Fits a core's second-level cache. */
const wholePages = 16;

/** `close` frees its descriptor. One thread uses it at a time. */
export class ZeroPages {
  private readonly map: RamMap;
  private readonly vector = new IoVector();
  private readonly memoryFile = openMemoryFile('beginnings');
  private readonly beginnings = new Uint32Array(maxPieces * wordsPerBeginning);
  private readonly whole = Buffer.alloc(wholePages * PAGE_BYTES);
  private readonly zeroes = Buffer.alloc(wholePages * PAGE_BYTES);
  /** Of each page of the batch: where it is in the RAM file, and whether it is zero. */
  private readonly offsets = new Float64Array(maxPagesPerSend);
  private readonly isZero = new Uint8Array(maxPagesPerSend);

  constructor(private readonly ram: MappedRam) {
    this.map = new RamMap(ram.sections);
  }

  /** The runs without their zero pages, and these. Throws `bad-run`, and `internal` where RAM cannot be read. */
  split(runs: RunList): { content: RunList; zeroes: PageRange[] } {
    this.locate(runs);
    let mayBeZero = 0;
    for (let first = 0; first < runs.pageCount; first += maxPieces) {
      mayBeZero += this.lookAtBeginnings(first, Math.min(maxPieces, runs.pageCount - first));
    }
    if (mayBeZero === 0) return { content: runs, zeroes: [] };
    for (let index = 0; index < runs.pageCount;) index += this.lookAtWhole(index, runs.pageCount);
    return this.parted(runs);
  }

  close(): void {
    closeSync(this.memoryFile);
  }

  private locate(runs: RunList): void {
    let index = 0;
    const add = (fileOffset: number, byteLength: number): void => {
      for (let at = 0; at < byteLength; at += PAGE_BYTES) {
        this.offsets[index] = fileOffset + at;
        index += 1;
      }
    };
    for (let run = 0; run < runs.length; run += 1) {
      this.map.locate(runs.pfn(run) * PAGE_BYTES, runs.count(run) * PAGE_BYTES, add);
    }
  }

  /** Returns how many of them may be zero pages. */
  private lookAtBeginnings(first: number, count: number): number {
    for (let index = first; index < first + count; index += 1) {
      this.vector.add(this.ram.address + this.offsetOf(index), beginningBytes);
    }
    // SAFETY of the addresses: RamMap has checked them against a RAM that stays mapped while this is used.
    this.vector.writeAt(this.memoryFile, 0);
    readSync(this.memoryFile, this.beginnings, 0, count * beginningBytes, 0);
    let mayBeZero = 0;
    for (let index = 0; index < count; index += 1) {
      let bits = 0;
      for (let at = index * wordsPerBeginning; at < (index + 1) * wordsPerBeginning; at += 1) {
        bits |= this.beginnings[at] ?? 0;
      }
      this.isZero[first + index] = bits === 0 ? 1 : 0;
      if (bits === 0) mayBeZero += 1;
    }
    return mayBeZero;
  }

  /** Looks at the page and the neighbours that may be zero, too; returns how many pages these are. */
  private lookAtWhole(first: number, pageCount: number): number {
    if (this.isZero[first] === 0) return 1;
    const offset = this.offsetOf(first);
    let count = 1;
    while (count < wholePages && first + count < pageCount && this.isZero[first + count] === 1) {
      if (this.offsetOf(first + count) !== offset + count * PAGE_BYTES) break;
      count += 1;
    }
    const byteLength = count * PAGE_BYTES;
    const readBytes = readSync(this.ram.fd, this.whole, 0, byteLength, offset);
    if (readBytes === byteLength && this.whole.compare(this.zeroes, 0, byteLength, 0, byteLength) === 0)
      return count;
    for (let index = 0; index < count; index += 1) {
      const at = index * PAGE_BYTES;
      const isRead = at + PAGE_BYTES <= readBytes;
      if (!isRead || this.whole.compare(this.zeroes, 0, PAGE_BYTES, at, at + PAGE_BYTES) !== 0) {
        this.isZero[first + index] = 0;
      }
    }
    return count;
  }

  private parted(runs: RunList): { content: RunList; zeroes: PageRange[] } {
    const content = new RunList(runs.length);
    const zeroes: { page: number; count: number }[] = [];
    let index = 0;
    for (let run = 0; run < runs.length; run += 1) {
      const end = index + runs.count(run);
      const pageOfFirst = runs.page(run) - index;
      const pfnOfFirst = runs.pfn(run) - index;
      while (index < end) {
        const start = index;
        const kind = this.isZero[start];
        while (index < end && this.isZero[index] === kind) index += 1;
        const page = pageOfFirst + start;
        const last = zeroes.at(-1);
        if (kind === 0) content.push(pfnOfFirst + start, index - start, page);
        else if (last !== undefined && last.page + last.count === page) last.count += index - start;
        else zeroes.push({ page, count: index - start });
      }
    }
    return { content, zeroes };
  }

  private offsetOf(index: number): number {
    return this.offsets[index] ?? 0;
  }
}

/** Where the pages of runs go: scattered frames are mostly neighbours again in the object. */
export function rangesOf(runs: RunList): PageRange[] {
  const ranges: { page: number; count: number }[] = [];
  for (let index = 0; index < runs.length; index += 1) {
    const last = ranges.at(-1);
    if (last !== undefined && last.page + last.count === runs.page(index)) last.count += runs.count(index);
    else ranges.push({ page: runs.page(index), count: runs.count(index) });
  }
  return ranges;
}
