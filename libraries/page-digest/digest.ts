/**
 * Digests of the pages of a task or of an object of shared memory: two copies of them are alike, address by address and byte by byte, if all digests are.
 *
 * Of each region that has a page (regions.ts) the BLAKE2b-512 of its runs by address, each of them as the number
 * of its first page and the count of its pages, both u64 little-endian, and then its bytes. So a page that is missing,
 * too many, or at another address makes another digest, as another byte does; how the pages came in runs does not.
 *
 * BLAKE2b because it needs nothing of the CPU but 64-bit words: in an emulated guest it is five times as fast as SHA-256
 * (docs/verify.md), and with hardware for SHA-256 it is the slower one by less than that.
 *
 * Some bytes are the kernel's to write while CRIU dumps (libraries/criu-images/rseq-area.ts). They count as zeroes.
 *
 * Limits: meant to find what went wrong, not to keep out a VM that lies about its own pages. Hashing is done in this thread, a
 * region at a time, and others have their turn after each.
 */
import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';

import { PAGE_BYTES } from '../units/index.js';
import { regionBytes, regionPages, regionsOf, type PageRun } from './regions.js';

/** Digests of different formats cannot be compared. 2: those of shared memory are there as well, their bytes as in 1. */
export const digestFormat = 2;
const algorithm = 'blake2b512';

export interface ByteSpan {
  readonly address: number;
  readonly byteLength: number;
}

export interface TaskPages {
  readonly runs: Iterable<PageRun>;
  /** What is left out, counted as zeroes. */
  readonly leftOut: readonly ByteSpan[];
}

export interface RegionDigest {
  /** The region's first page: virtual address / 4096. */
  readonly page: number;
  readonly pageCount: number;
  readonly digest: Buffer;
}

/** Fills `into` with the task's bytes from this page on. */
export type ReadPages = (page: number, into: Buffer) => void | Promise<void>;

/** By address. Throws the signal's reason when it fires, and what `read` throws. */
export async function digestPages(
  { runs, leftOut }: TaskPages,
  read: ReadPages,
  signal: AbortSignal,
): Promise<RegionDigest[]> {
  const digests: RegionDigest[] = [];
  const buffer = Buffer.allocUnsafeSlow(regionBytes);
  const head = Buffer.alloc(16);
  for (const region of regionsOf(runs)) {
    signal.throwIfAborted();
    const spans = leftOut.filter((span) => touches(span, region.page, regionPages));
    const hash = createHash(algorithm);
    for (const { page, pageCount } of region.runs) {
      head.writeBigUInt64LE(BigInt(page), 0);
      head.writeBigUInt64LE(BigInt(pageCount), 8);
      const bytes = buffer.subarray(0, pageCount * PAGE_BYTES);
      await read(page, bytes);
      for (const span of spans) if (touches(span, page, pageCount)) blank(span, page * PAGE_BYTES, bytes);
      hash.update(head).update(bytes);
    }
    digests.push({ page: region.page, pageCount: region.pageCount, digest: hash.digest() });
    await setImmediate();
  }
  return digests;
}

function touches({ address, byteLength }: ByteSpan, page: number, pageCount: number): boolean {
  return address < (page + pageCount) * PAGE_BYTES && address + byteLength > page * PAGE_BYTES;
}

function blank({ address, byteLength }: ByteSpan, start: number, bytes: Buffer): void {
  bytes.fill(0, Math.max(0, address - start), Math.min(bytes.length, address + byteLength - start));
}
