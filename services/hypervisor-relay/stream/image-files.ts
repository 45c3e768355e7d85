/**
 * The final dump's image files: from the folder in which the guest left them into the stream.
 *
 * The guest can write there, so links and everything else that is not a regular file are left out, and nothing is
 * followed out of the folder. A file that changes its size meanwhile breaks the stream.
 */
import { closeSync, fstatSync } from 'node:fs';

import { errorCodeOf, filesBelow, Folder } from '../../../libraries/libc/index.js';
import { PortkeyError } from '../../../libraries/errors/index.js';

const maxFiles = 10_000;

export interface ImageSink {
  /** Sends a file: its name, and its content from this descriptor. */
  send(name: string, fileFd: number, contentBytes: number): void;
}

/**
 * Sends the files of `root/below` under their names relative to `root`. A folder that is not there has none.
 * Throws `stream-broken`, and what the sink throws.
 */
export function sendImages(root: string, below: string, sink: ImageSink): { files: number; bytes: number } {
  const folder = openIfThere(root);
  if (folder === undefined) return { files: 0, bytes: 0 };
  try {
    const names = filesBelow(folder).filter((name) => name.startsWith(`${below}/`));
    if (names.length > maxFiles) {
      throw new PortkeyError('stream-broken', `${root} has ${names.length} files; ${maxFiles} are allowed`);
    }
    const bytes = names.reduce((sum, name) => sum + sendOne(folder, name, sink), 0);
    return { files: names.length, bytes };
  } finally {
    folder.close();
  }
}

function sendOne(folder: Folder, name: string, sink: ImageSink): number {
  const fd = folder.openForReading(name);
  try {
    const { size } = fstatSync(fd);
    sink.send(name, fd, size);
    return size;
  } finally {
    closeSync(fd);
  }
}

function openIfThere(path: string): Folder | undefined {
  try {
    return Folder.open(path);
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
