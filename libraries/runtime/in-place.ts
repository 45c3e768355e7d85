/**
 * Small files on tmpfs that are written over where they stand.
 *
 * Goal: what an undo has to write can be written when the file system is full. A new file takes an inode, the first byte
 * of a file a page, and a file that is truncated gives its page away and may not get it back; but bytes of a page that a
 * file has take nothing, nor does another name in place of the old one. So a file is reserved while there is room,
 * in its full length, and written over and renamed when there may be none.
 */
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';

import { PortkeyError } from '../errors/index.js';

/** With blanks, for whoever reads it before it is written over, or where that took less. */
export function reserve(file: string, length: number): void {
  writeFileSync(file, ' '.repeat(length));
}

/** The file is there and has at least these bytes. ASCII only. */
export function overwrite(file: string, text: string, position = 0): void {
  const descriptor = openSync(file, 'r+');
  try {
    const written = writeSync(descriptor, text, position, 'latin1');
    if (written !== text.length) {
      throw new PortkeyError('internal', `only ${written} of ${text.length} bytes of ${file} were written`);
    }
  } finally {
    closeSync(descriptor);
  }
}
