/** A file whose pages all differ, from one another and from those of any other call, and none of which is zero. */
import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';

import { PAGE_BYTES } from '../../../libraries/units/index.js';

const blockBytes = 2 ** 20;

/** Writes it anew; `byteLength` is a multiple of a MiB. */
export async function fillPages(file: string, byteLength: number): Promise<void> {
  const block = randomBytes(blockBytes);
  const handle = await open(file, 'w');
  try {
    for (let written = 0; written < byteLength; written += blockBytes) {
      for (let at = 0; at < blockBytes; at += PAGE_BYTES)
        block.writeUInt32LE((written + at) / PAGE_BYTES, at);
      await handle.write(block, 0, blockBytes);
    }
  } finally {
    await handle.close();
  }
}
