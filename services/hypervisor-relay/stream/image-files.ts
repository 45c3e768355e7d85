/**
 * The final dump's image files: from the folder in which the guest left them into the stream.
 *
 * The guest can write there, so links and everything else that is not a regular file are left out, and nothing is
 * followed out of the folder. Where there is more than a dump makes nothing is sent, and the rest is not looked at. A file that
 * changes its size meanwhile breaks the stream.
 */
import { closeSync, fstatSync } from 'node:fs';

import { errorCodeOf, filesBelow, Folder, type FolderPlace } from '../../../libraries/libc/index.js';

/** Also folders, links and the like: more than CRIU makes of as many processes as are migrated. */
const maxEntries = 10_000;

export interface ImageSink {
  /** Sends a file: its name, and its content from this descriptor. */
  send(name: string, fileFd: number, contentBytes: number): void;
}

/**
 * Sends the files of `place/below` under their names relative to `place`. A folder that is not there has none.
 * Throws `share-tampered`, and what the sink throws.
 */
export function sendImages(
  place: FolderPlace,
  below: string,
  sink: ImageSink,
): { files: number; bytes: number } {
  const folder = unlessMissing(() => Folder.openBeneath(place));
  if (folder === undefined) return { files: 0, bytes: 0 };
  try {
    const names = namesBelow(folder, below);
    const bytes = names.reduce((sum, name) => sum + sendOne(folder, name, sink), 0);
    return { files: names.length, bytes };
  } finally {
    folder.close();
  }
}

function namesBelow(folder: Folder, below: string): string[] {
  const inner = unlessMissing(() => folder.folder(below, { create: false }));
  try {
    return inner === undefined ? [] : filesBelow(inner, maxEntries).map((name) => `${below}/${name}`);
  } finally {
    inner?.close();
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

function unlessMissing(open: () => Folder): Folder | undefined {
  try {
    return open();
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
