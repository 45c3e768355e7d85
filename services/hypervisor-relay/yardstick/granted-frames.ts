/**
 * Where pages that a guest names by its own page table are in its RAM file.
 *
 * The guest hands over what it reads of /proc/self/pagemap, 8 bytes a page (kernel: admin-guide/mm/pagemap.rst): bit 63
 * says that the page is present, bits 0 to 54 are its frame. So the guest does nothing for a page, and neighbours are
 * found here. Invariant: every page is present and RAM of the guest, or there are no frames at all. That they stay where
 * they are is the guest's to see to.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import { RunList } from '../../../libraries/hypercall/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import type { RamMap } from '../ram/ram-map.js';

const twoTo32 = 2 ** 32;
const entryBytes = 8;

export class GrantedFrames {
  private readonly runs: RunList;

  /** Throws `bad-run`. */
  constructor(
    pagemap: Buffer,
    private readonly map: RamMap,
  ) {
    this.runs = runsOf(pagemap);
    map.requireRuns(this.runs);
  }

  get pageCount(): number {
    return this.runs.pageCount;
  }

  get runCount(): number {
    return this.runs.length;
  }

  /** Calls `each` with the parts of the RAM file that hold these pages, in order. Throws `bad-run` for a page beyond the last. */
  locate(page: number, count: number, each: (fileOffset: number, byteLength: number) => void): void {
    if (page < 0 || page + count > this.pageCount)
      throw new PortkeyError(
        'bad-run',
        `pages ${page} to ${page + count} of ${this.pageCount} that were granted`,
      );
    let next = page;
    const end = page + count;
    for (let index = this.runWith(page); next < end; index += 1) {
      const within = next - this.runs.page(index);
      const length = Math.min(end - next, this.runs.count(index) - within);
      this.map.locate((this.runs.pfn(index) + within) * PAGE_BYTES, length * PAGE_BYTES, each);
      next += length;
    }
  }

  /** By bisection: the runs are in the order of their pages. */
  private runWith(page: number): number {
    let low = 0;
    let high = this.runs.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.runs.page(middle) <= page) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function runsOf(pagemap: Buffer): RunList {
  if (pagemap.length === 0 || pagemap.length % entryBytes !== 0)
    throw new PortkeyError('bad-run', `${pagemap.length} bytes are not a part of a pagemap`);
  const runs = new RunList(1024);
  for (let page = 0; page * entryBytes < pagemap.length; page += 1) {
    const high = pagemap.readUInt32LE(page * entryBytes + 4);
    if (high >>> 31 === 0) throw new PortkeyError('bad-run', `page ${page} of the grant has no frame`);
    const pfn = (high & 0x7f_ffff) * twoTo32 + pagemap.readUInt32LE(page * entryBytes);
    if (pfn === 0)
      throw new PortkeyError('bad-run', `page ${page} of the grant has a frame that is not told; be root`);
    runs.append(pfn, 1, page);
  }
  return runs;
}
