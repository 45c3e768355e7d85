/** For tests: a tmpfs of a few pages and files, which can be filled up. Root only. */
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';

import { errorCodeOf } from '../libc/index.js';
import { runChecked, runCommand } from '../process/index.js';

export const canMount = (): boolean => process.getuid?.() === 0;

/** Over the folder; 1 MiB and 200 files, of which the caller's tests take a part. */
export async function mountSmall(folder: string): Promise<void> {
  await runChecked(runCommand, ['mount', '-t', 'tmpfs', '-o', 'size=1m,nr_inodes=200', 'tmpfs', folder]);
}

export async function unmountSmall(folder: string): Promise<void> {
  await runChecked(runCommand, ['umount', folder]);
}

/** Afterwards there is room for no page and for no file. */
export function fillUp(folder: string): void {
  fillPages(folder);
  let files = 0;
  untilFull(() => writeFileSync(path.join(folder, `filling-${(files += 1)}`), ''));
}

/** Afterwards there is room for files, but for no byte in them. */
export function fillPages(folder: string): void {
  const descriptor = openSync(path.join(folder, 'filling'), 'w');
  try {
    untilFull(() => writeSync(descriptor, Buffer.alloc(4096)));
  } finally {
    closeSync(descriptor);
  }
}

function untilFull(takeMore: () => unknown): void {
  try {
    for (;;) takeMore();
  } catch (error) {
    if (errorCodeOf(error) !== 'ENOSPC') throw error;
  }
}
