/**
 * Where a page of this very process is in physical memory: /proc/self/pagemap (kernel: admin-guide/mm/pagemap.rst;
 * frames are shown only with CAP_SYS_ADMIN).
 */
import { closeSync, openSync, readSync } from 'node:fs';

import { PortkeyError } from '../errors/index.js';
import { PAGE_BYTES } from '../units/index.js';

const entryBytes = 8n;
const pfnMask = (1n << 55n) - 1n;

/** The frame number of the page at `address`, which must be in memory. Throws `internal`. */
export function frameOf(address: bigint): number {
  const pagemap = openSync('/proc/self/pagemap', 'r');
  try {
    const entry = Buffer.alloc(8);
    readSync(pagemap, entry, 0, 8, (address / BigInt(PAGE_BYTES)) * entryBytes);
    const pfn = Number(entry.readBigUInt64LE() & pfnMask);
    if (pfn === 0)
      throw new PortkeyError(
        'internal',
        `the kernel does not show the frame of page ${address.toString(16)}; run as root with CAP_SYS_ADMIN`,
      );
    return pfn;
  } finally {
    closeSync(pagemap);
  }
}

/** The frame of the kernel's zero page: what a read of a never written page of `untouchedAddress` brings in. */
export function zeroFrame(untouchedAddress: bigint): number {
  const memory = openSync('/proc/self/mem', 'r');
  try {
    readSync(memory, Buffer.alloc(1), 0, 1, untouchedAddress);
  } finally {
    closeSync(memory);
  }
  return frameOf(untouchedAddress);
}
