/**
 * The task that is looked at: memory of a known layout, held until standard input ends.
 *
 * Says `held` when all of it is there, and `written` after each byte of input, on which it writes a part of it. In between
 * it is blocked in a read, outside of Node's event loop: nothing in it runs, so its pages stay as they are, and two ways to
 * look at them must find the same.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';

import { allowHugePages, anonymousMemory, IoVector, type Mapping } from '../../../../libraries/libc/index.js';
import { PAGE_BYTES } from '../../../../libraries/units/index.js';
import { writtenStride, type Layout } from './layouts.js';

const [input, output] = [0, 1];

export function holdMemory({ hugePages, stride }: Layout, byteLength: number): void {
  const memory = anonymousMemory(byteLength, 'the memory of a task');
  allowHugePages(memory, hugePages);
  write(memory, stride);
  writeSync(output, 'held\n');
  const byte = Buffer.alloc(1);
  while (readSync(input, byte) > 0) {
    write(memory, writtenStride);
    writeSync(output, 'written\n');
  }
  memory.close();
}

/** One page in `stride`, by the kernel's hand: JavaScript has no view of it. Zeroes, but in frames of their own. */
function write(memory: Mapping, stride: number): void {
  const zeroes = openSync('/dev/zero', 'r');
  try {
    const vector = new IoVector();
    for (let at = 0; at < memory.byteLength; at += stride * PAGE_BYTES) {
      vector.add(Number(memory.address) + at, PAGE_BYTES);
      if (vector.isFull) vector.readAt(zeroes, 0);
    }
    vector.readAt(zeroes, 0);
  } finally {
    closeSync(zeroes);
  }
}
