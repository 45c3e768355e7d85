/**
 * Whether compaction leaves pinned pages where they are, among pages that it may move.
 *
 * Compaction moves pages from the low end of memory to free ones at its high end, and the kernel hands out the high end
 * first. So a file on tmpfs takes three parts of memory: the first two are given back, and the third keeps every second
 * page. Of these some are pinned, evenly spread, one by one. The page table is read before and after. Pages that are not
 * pinned and have moved show that compaction had work; without any the answer says nothing.
 */
import { closeSync, ftruncateSync, openSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import {
  mapFileForWriting,
  PinnedMemory,
  punchHole,
  type Mapping,
} from '../../../../libraries/libc/index.js';
import { PAGE_BYTES } from '../../../../libraries/units/index.js';
import type { Moved } from '../guest-messages.js';
import { frameChanged, ownPagemap } from './own-pagemap.js';

/** Half of what the kernel takes as pieces. */
const mostPinned = 8192;

/** `byteLength` is of one part, a multiple of two pages. */
export function movedByCompaction(folder: string, byteLength: number): Moved {
  const mapping = everySecondPage(path.join(folder, 'compacted'), byteLength);
  try {
    const part = { address: mapping.address + BigInt(2 * byteLength), byteLength };
    const kept = byteLength / PAGE_BYTES / 2;
    const step = Math.ceil(kept / mostPinned);
    const pieces = Array.from({ length: Math.ceil(kept / step) }, (_, index) => ({
      address: part.address + BigInt(2 * index * step * PAGE_BYTES),
      byteLength: PAGE_BYTES,
    }));
    const pin = PinnedMemory.pin(pieces);
    try {
      const before = ownPagemap(part);
      writeFileSync('/proc/sys/vm/compact_memory', '1');
      const after = ownPagemap(part);
      const moved = { pinned: 0, pinnedPages: pieces.length, others: 0, otherPages: kept - pieces.length };
      for (let index = 0; index < kept; index += 1) {
        if (!frameChanged(before, after, 2 * index)) continue;
        if (index % step === 0) moved.pinned += 1;
        else moved.others += 1;
      }
      return moved;
    } finally {
      pin.release();
    }
  } finally {
    mapping.close();
  }
}

/** The last part of three; the file has no name any more, and is gone with its mapping. */
function everySecondPage(file: string, byteLength: number): Mapping {
  const fd = openSync(file, 'w+');
  try {
    rmSync(file);
    ftruncateSync(fd, 3 * byteLength);
    const mapping = mapFileForWriting(fd, 3 * byteLength, file);
    try {
      // Pinning brings the pages in, in order.
      PinnedMemory.pin([mapping]).release();
      punchHole(fd, 0, 2 * byteLength);
      for (let at = PAGE_BYTES; at < byteLength; at += 2 * PAGE_BYTES)
        punchHole(fd, 2 * byteLength + at, PAGE_BYTES);
      return mapping;
    } catch (error) {
      mapping.close();
      throw error;
    }
  } finally {
    closeSync(fd);
  }
}
