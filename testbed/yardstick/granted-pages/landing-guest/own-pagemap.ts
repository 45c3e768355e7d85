/**
 * A part of this process's own page table, as the kernel has it: 8 bytes a page, its frame among them.
 * (kernel: admin-guide/mm/pagemap.rst; needs CAP_SYS_ADMIN, or all frames read as 0)
 */
import { closeSync, openSync, readSync, writeFileSync } from 'node:fs';

import { PortkeyError } from '../../../../libraries/errors/index.js';
import type { MemoryPiece } from '../../../../libraries/libc/index.js';
import { PAGE_BYTES } from '../../../../libraries/units/index.js';

const entryBytes = 8;
/** The frame in an entry's first 8 bytes. */
const frameMask = 2n ** 55n - 1n;

export function ownPagemap({ address, byteLength }: MemoryPiece): Buffer {
  const entries = Buffer.alloc((byteLength / PAGE_BYTES) * entryBytes);
  const fd = openSync('/proc/self/pagemap', 'r');
  try {
    const start = Number(address / BigInt(PAGE_BYTES)) * entryBytes;
    for (let filled = 0; filled < entries.length;) {
      const count = readSync(fd, entries, filled, entries.length - filled, start + filled);
      if (count === 0) throw new PortkeyError('internal', 'the pagemap ended before the memory');
      filled += count;
    }
    return entries;
  } finally {
    closeSync(fd);
  }
}

export function writeOwnPagemap(memory: MemoryPiece, file: string): void {
  writeFileSync(file, ownPagemap(memory));
}

/** Whether a page's frame differs between two readings; other bits may. */
export function frameChanged(before: Buffer, after: Buffer, page: number): boolean {
  const at = page * entryBytes;
  return ((before.readBigUInt64LE(at) ^ after.readBigUInt64LE(at)) & frameMask) !== 0n;
}
