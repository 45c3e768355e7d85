/**
 * A list of page runs as it stands in a SEND frame: 16 bytes a run, no object per run.
 *
 * A run says that `count` guest frames from `pfn` on are the pages `page`, `page + 1`, … of an object. Its four
 * little-endian u32: PFN's low 32 bits; PFN's high 8 bits with the count above them; page index, low and high.
 * The list grows as needed; what a frame can hold is checked where it is encoded. Limits: the array is viewed in
 * the machine's own byte order, so this runs on little-endian machines only, as all of Portkey's hosts and guests.
 */
import { PortkeyError } from '../errors/index.js';
import { maxPageIndex, maxPagesPerRun, maxPfn, runBytes } from './limits.js';

const wordsPerRun = runBytes / 4;
const twoTo32 = 2 ** 32;

export class RunList {
  private words: Uint32Array<ArrayBuffer>;
  private used = 0;
  private pages = 0;

  constructor(capacity = 64) {
    this.words = new Uint32Array(Math.max(1, capacity) * wordsPerRun);
  }

  /** From the bytes of a frame, which are copied. Throws `bad-frame` for a run that no encoder writes. */
  static fromBytes(bytes: Buffer): RunList {
    if (bytes.length % runBytes !== 0) {
      throw new PortkeyError('bad-frame', `${bytes.length} bytes of runs are not a multiple of ${runBytes}`);
    }
    const list = new RunList(bytes.length / runBytes);
    Buffer.from(list.words.buffer).set(bytes);
    list.used = bytes.length / runBytes;
    for (let index = 0; index < list.used; index += 1) {
      const count = list.count(index);
      const page = list.page(index);
      if (count === 0) throw new PortkeyError('bad-frame', `run ${index} has no pages`);
      if (page + count - 1 > maxPageIndex) {
        throw new PortkeyError('bad-frame', `run ${index} ends beyond page ${maxPageIndex} of its object`);
      }
      list.pages += count;
    }
    return list;
  }

  /** Runs in the list. */
  get length(): number {
    return this.used;
  }

  /** Pages of all runs together. */
  get pageCount(): number {
    return this.pages;
  }

  pfn(index: number): number {
    return this.word(index, 0) + (this.word(index, 1) & 0xff) * twoTo32;
  }

  count(index: number): number {
    return this.word(index, 1) >>> 8;
  }

  page(index: number): number {
    return this.word(index, 2) + this.word(index, 3) * twoTo32;
  }

  /** Adds a run as it is. Throws `invalid-argument` where a number does not fit its field. */
  push(pfn: number, count: number, page: number): void {
    if (!(pfn >= 0 && pfn + count - 1 <= maxPfn && count > 0 && count <= maxPagesPerRun)) {
      throw new PortkeyError('invalid-argument', `a run cannot be ${count} pages from frame ${pfn} on`);
    }
    if (!(page >= 0 && page + count - 1 <= maxPageIndex)) {
      throw new PortkeyError('invalid-argument', `a run cannot be ${count} pages from page ${page} on`);
    }
    const at = this.used * wordsPerRun;
    if (at === this.words.length) this.grow();
    this.words[at] = pfn % twoTo32;
    this.words[at + 1] = ((count << 8) | Math.floor(pfn / twoTo32)) >>> 0;
    this.words[at + 2] = page % twoTo32;
    this.words[at + 3] = Math.floor(page / twoTo32);
    this.used += 1;
    this.pages += count;
  }

  /** Adds a run, as part of the last one where frames and pages both follow on from it. */
  append(pfn: number, count: number, page: number): void {
    if (this.extendsLast(pfn, count, page)) {
      const at = (this.used - 1) * wordsPerRun + 1;
      this.words[at] = this.word(this.used - 1, 1) + count * 256;
      this.pages += count;
    } else {
      this.push(pfn, count, page);
    }
  }

  /** Adds runs as they stand in a frame, `pageCount` pages together; they are the caller's to vouch for. */
  appendAll(bytes: Uint8Array, pageCount: number): void {
    const words = bytes.length / 4;
    while (this.used * wordsPerRun + words > this.words.length) this.grow();
    new Uint8Array(this.words.buffer).set(bytes, this.used * runBytes);
    this.used += words / wordsPerRun;
    this.pages += pageCount;
  }

  /**
   * Adds the runs of another list from run `from` on as they are: as many as keep this list within so many runs and
   * pages. Returns where it stopped.
   */
  appendFrom(other: RunList, from: number, maxRuns: number, maxPages: number): number {
    const { words } = other;
    const end = Math.min(other.used, from + Math.max(0, maxRuns - this.used));
    const room = maxPages - this.pages;
    let pageCount = 0;
    let until = from;
    for (; until < end; until += 1) {
      const count = (words[until * wordsPerRun + 1] ?? 0) >>> 8;
      if (pageCount + count > room) break;
      pageCount += count;
    }
    if (until > from) {
      const bytes = new Uint8Array(words.buffer, from * runBytes, (until - from) * runBytes);
      this.appendAll(bytes, pageCount);
    }
    return until;
  }

  /** Whether `append` would make this run part of the last one. */
  extendsLast(pfn: number, count: number, page: number): boolean {
    if (this.used === 0) return false;
    const last = this.used - 1;
    const lastCount = this.count(last);
    return (
      this.pfn(last) + lastCount === pfn &&
      this.page(last) + lastCount === page &&
      lastCount + count <= maxPagesPerRun
    );
  }

  clear(): void {
    this.used = 0;
    this.pages = 0;
  }

  /** The runs as they stand in a frame: a view, good until the list changes. */
  bytes(): Buffer {
    return Buffer.from(this.words.buffer, 0, this.used * runBytes);
  }

  private word(index: number, word: number): number {
    const value = this.words[index * wordsPerRun + word];
    if (value === undefined || index >= this.used) {
      throw new PortkeyError('internal', `there is no run ${index} in a list of ${this.used}`);
    }
    return value;
  }

  private grow(): void {
    const larger = new Uint32Array(this.words.length * 2);
    larger.set(this.words);
    this.words = larger;
  }
}
