/**
 * The kernel's own search through a task's pages: ioctl PAGEMAP_SCAN on /proc/PID/pagemap (Linux 6.7;
 * kernel: admin-guide/mm/pagemap.rst, include/uapi/linux/fs.h).
 *
 * It walks page tables and skips what has none, so it costs what is mapped, not what is reserved; and it answers with
 * ranges of pages of the same categories, 24 bytes each, instead of an entry for each page.
 */
import { ioctl } from './descriptor-calls.js';
import { bufferAddress, errnoName, libcError } from './library.js';

/** _IOWR('f', 16, struct pm_scan_arg) */
const PAGEMAP_SCAN = 0xc0606610;
const argumentBytes = 96;
const regionBytes = 24;

/** PAGE_IS_*: what a page can be. */
export const pageCategory = {
  file: 1 << 2,
  present: 1 << 3,
  swapped: 1 << 4,
  zero: 1 << 5,
  softDirty: 1 << 7,
  /** Linux 6.15; left out of the question where the kernel does not know it. */
  guard: 1 << 8,
} as const;

export interface PagemapQuery {
  /** Virtual addresses, multiples of the page size. */
  readonly start: number;
  readonly end: number;
  /** A page must have all of these, */
  readonly allOf: number;
  /** none of these, */
  readonly noneOf: number;
  /** and at least one of these. */
  readonly anyOf: number;
  /** Which categories the answer tells apart. */
  readonly told: number;
}

/** Where the answers go; used again and again by one caller at a time. */
export class PagemapScanner {
  private readonly argument = Buffer.from(new ArrayBuffer(argumentBytes));
  private readonly regions: Buffer;
  private knowsGuard = true;

  constructor(private readonly regionCount = 8192) {
    this.regions = Buffer.from(new ArrayBuffer(regionCount * regionBytes));
  }

  /**
   * Calls `onRange` for each range of pages, by address. Returns false where the kernel does not know the call, or
   * one of the categories. A task that has ended has no pages. Throws what else the kernel says.
   */
  scan(
    fd: number,
    query: PagemapQuery,
    onRange: (start: number, end: number, categories: number) => void,
  ): boolean {
    const { allOf, anyOf } = query;
    const noneOf = this.knowsGuard ? query.noneOf : query.noneOf & ~pageCategory.guard;
    const argument = this.argument.fill(0);
    const put = (index: number, value: number | bigint): unknown =>
      argument.writeBigUInt64LE(BigInt(value), index * 8);
    put(0, argumentBytes);
    put(3, query.end);
    put(5, bufferAddress(this.regions));
    put(6, this.regionCount);
    // An inverted category matches where the page does not have it.
    put(8, noneOf);
    put(9, allOf | noneOf);
    put(10, anyOf);
    put(11, query.told);
    for (let start = query.start; start < query.end;) {
      put(2, start);
      // SAFETY: the argument is a whole pm_scan_arg, and `vec` and `vec_len` describe `regions`, which both live on.
      const count = ioctl(fd, PAGEMAP_SCAN, argument);
      if (count < 0) {
        const errno = errnoName();
        if (errno === 'EINTR') continue;
        if (errno === 'EINVAL' && (noneOf & pageCategory.guard) !== 0) {
          this.knowsGuard = false;
          return this.scan(fd, query, onRange);
        }
        if (errno === 'ENOTTY' || errno === 'EINVAL') return false;
        throw libcError('PAGEMAP_SCAN', 'a pagemap');
      }
      let end = start;
      for (let index = 0; index < count; index += 1) {
        const at = index * regionBytes;
        end = readAddress(this.regions, at + 8);
        onRange(readAddress(this.regions, at), end, this.regions.readUInt32LE(at + 16));
      }
      // The kernel notes where it paused to hand over ranges, not where it ended (fs/proc/task_mmu.c), so the last
      // range may be beyond that.
      const walked = Math.max(readAddress(argument, 32), end);
      if (walked <= start) break;
      start = walked;
    }
    return true;
  }
}

/** Addresses of user space fit a double. */
function readAddress(buffer: Buffer, at: number): number {
  return buffer.readUInt32LE(at + 4) * 2 ** 32 + buffer.readUInt32LE(at);
}
