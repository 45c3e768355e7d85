/**
 * A folder of images that came from another VM, into which whoever shares it with this one can have put anything.
 *
 *     <migration>/final ── parent: ../1 ──▶ <migration>/1 ── parent: ../0 ──▶ <migration>/0
 *
 * Files are opened beneath their folder (libraries/libc): no link is followed, and what is no regular file is not waited
 * for. Links from a folder to its parent are the only ones that are ours. They are read, not followed: a parent is a folder
 * beside its child, of the same migration, and none is its own.
 * What is read whole are lists of pages and processes, up to `mostImageBytes`: a file may be any length with nothing in it.
 * There may be any number of files as well, so between two of them others have their turn, and it is asked whether they
 * are still wanted.
 * The owner closes it.
 */
import { closeSync } from 'node:fs';
import { open, readdir, readlink, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { errorCodeOf, Folder } from '../../../libraries/libc/index.js';
import { formatBytes } from '../../../libraries/units/index.js';

/** A million runs of pages: as many as are read of all (run-budget.ts). */
const mostImageBytes = 2 ** 24;
/** A migration has a hundred rounds at most (cli/migrate), and a few more where it throttles. */
const mostLevels = 200;

export class ImageFolder {
  private constructor(
    private readonly folder: Folder,
    /** For messages. */
    readonly path: string,
    private readonly migration: string,
    /** The names of this folder and of those that led to it. */
    private readonly levels: readonly string[],
    private readonly signal: AbortSignal,
  ) {}

  /** Nothing is read any more once the signal has fired. */
  static open(images: string, signal: AbortSignal): ImageFolder {
    return ImageFolder.beside(path.dirname(images), path.basename(images), images, [], signal);
  }

  private static beside(
    migration: string,
    name: string,
    shownPath: string,
    newer: readonly string[],
    signal: AbortSignal,
  ): ImageFolder {
    const parent = Folder.open(migration);
    try {
      const folder = parent.folder(name, { create: false });
      return new ImageFolder(folder, shownPath, migration, [...newer, name], signal);
    } finally {
      parent.close();
    }
  }

  names(): Promise<string[]> {
    return readdir(this.place());
  }

  /** The folder that CRIU looks into for what is not in this one; undefined where there is none. */
  async parent(): Promise<ImageFolder | undefined> {
    const link = path.join(this.path, 'parent');
    const target = await readlink(path.join(this.place(), 'parent')).catch((cause: unknown) => {
      if (errorCodeOf(cause) === 'ENOENT') return undefined;
      throw cause;
    });
    if (target === undefined) return undefined;
    const name = /^\.\.\/([a-z0-9]+)$/.exec(target)?.[1];
    if (name === undefined || this.levels.includes(name) || this.levels.length === mostLevels) {
      throw new PortkeyError(
        'share-tampered',
        `${link} leads to '${target}', which is not the folder of an earlier dump of this migration`,
      );
    }
    return ImageFolder.beside(this.migration, name, link, this.levels, this.signal);
  }

  /** A regular file, for reading. */
  async file(name: string): Promise<FileHandle> {
    const fd = this.folder.openForReading(name);
    try {
      return await open(`/proc/self/fd/${fd}`, 'r');
    } finally {
      closeSync(fd);
    }
  }

  /** All of a file, which holds no pages. Throws the signal's reason. */
  async read(name: string, mostBytes = mostImageBytes): Promise<Buffer> {
    await setImmediate();
    this.signal.throwIfAborted();
    const file = await this.file(name);
    try {
      const { size } = await file.stat();
      if (size > mostBytes) {
        throw new PortkeyError(
          'digest-mismatch',
          `${path.join(this.path, name)} has ${formatBytes(size)}, but such an image is no longer than ${formatBytes(mostBytes)}`,
        );
      }
      const content = Buffer.alloc(size);
      for (let done = 0; done < size;) {
        const { bytesRead } = await file.read(content, done, size - done, done);
        // It was cut off meanwhile.
        if (bytesRead === 0) return content.subarray(0, done);
        done += bytesRead;
      }
      return content;
    } finally {
      await file.close();
    }
  }

  close(): void {
    this.folder.close();
  }

  private place(): string {
    return `/proc/self/fd/${this.folder.fd}`;
  }
}
