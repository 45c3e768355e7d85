/**
 * Whether compaction leaves pinned pages where they are, beside pages that it may move.
 *
 * Two files of one tmpfs, each with every second page taken out again, so that compaction has holes to close: the pages of
 * one are pinned, one by one, those of the other are not. Both page tables are read before and after. Pages of the
 * second that have moved show that compaction had work; without any the answer says nothing.
 */
import { closeSync, ftruncateSync, openSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import {
  mapFileForWriting,
  PinnedMemory,
  punchHole,
  type Mapping,
  type MemoryPiece,
} from '../../../../libraries/libc/index.js';
import { PAGE_BYTES } from '../../../../libraries/units/index.js';
import { differingFrames, ownPagemap } from './own-pagemap.js';

/** `pageCount` is of each file, and at most what can be pinned in pieces of a page. */
export function movedByCompaction(
  folder: string,
  pageCount: number,
): { pinned: number; free: number; pageCount: number } {
  const pinned = everySecondPage(path.join(folder, 'pinned'), pageCount);
  try {
    const free = everySecondPage(path.join(folder, 'free'), pageCount);
    try {
      const pin = PinnedMemory.pin(pagesOf(pinned));
      try {
        const before = [ownPagemap(pinned), ownPagemap(free)] as const;
        writeFileSync('/proc/sys/vm/compact_memory', '1');
        return {
          pinned: differingFrames(before[0], ownPagemap(pinned)),
          free: differingFrames(before[1], ownPagemap(free)),
          pageCount,
        };
      } finally {
        pin.release();
      }
    } finally {
      free.close();
    }
  } finally {
    pinned.close();
  }
}

/** The file has no name any more, and is gone with its mapping. */
function everySecondPage(file: string, pageCount: number): Mapping {
  const byteLength = 2 * pageCount * PAGE_BYTES;
  const fd = openSync(file, 'w+');
  try {
    rmSync(file);
    ftruncateSync(fd, byteLength);
    const mapping = mapFileForWriting(fd, byteLength, file);
    try {
      // Pinning brings the pages in, in order.
      PinnedMemory.pin([mapping]).release();
      for (let at = PAGE_BYTES; at < byteLength; at += 2 * PAGE_BYTES) punchHole(fd, at, PAGE_BYTES);
      return mapping;
    } catch (error) {
      mapping.close();
      throw error;
    }
  } finally {
    closeSync(fd);
  }
}

function pagesOf({ address, byteLength }: Mapping): MemoryPiece[] {
  return Array.from({ length: byteLength / PAGE_BYTES / 2 }, (_, index) => ({
    address: address + BigInt(2 * index * PAGE_BYTES),
    byteLength: PAGE_BYTES,
  }));
}
