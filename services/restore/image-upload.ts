/**
 * CRIU mode: the image files that are not pages, sent by the source's checkpoint service into the folder of the
 * final dump.
 *
 * The sender is another VM, which is not trusted. The first chunk of each file names it: a plain file name, of a file that is
 * not there yet, so what stands there is neither followed nor written. They take this VM's memory, so a migration may bring
 * as much as it has said that the container has, what lies in the folder already included, and by one upload at a time.
 * Files that were begun stay when an upload fails; the migration's end removes them. It ends an upload that is under way
 * before that, whose sender may never end it: a file that is removed while it is open keeps its memory.
 */
import { lstat, open, readdir, type FileHandle } from 'node:fs/promises';
import path from 'node:path';

import { PortkeyError } from '../../libraries/errors/index.js';
import { errorCodeOf } from '../../libraries/libc/index.js';
import { abortable } from '../../libraries/process/index.js';
import { requireMigrationId, type ImageChunk, type ImagesReceived } from '../../libraries/rpc/index.js';
import { formatBytes, PAGE_BYTES } from '../../libraries/units/index.js';

/** `parent` is what CRIU calls a link to the dump before, which is ours to make. */
const imageName = /^(?!parent$)[a-zA-Z0-9][a-zA-Z0-9_.-]{0,100}$/;
const blockBytes = 512;

export interface ImagePlace {
  readonly folder: string;
  /** Of all files in it together. */
  readonly maxBytes: number;
}

interface OpenUpload {
  readonly ending: AbortController;
  readonly outcome: () => Promise<unknown>;
}

export class ImageUploads {
  /** Those that are under way, by migration. */
  private readonly open = new Map<string, OpenUpload>();

  /** Throws `invalid-argument`, `no-room`, `transition-refused`, `stale-epoch` after `end`, and what `placeOf` throws. */
  receive(
    chunks: AsyncIterable<ImageChunk>,
    placeOf: (migrationId: string) => Promise<ImagePlace>,
  ): Promise<ImagesReceived> {
    const ending = new AbortController();
    const outcome: Promise<ImagesReceived> = this.receiveUntil(
      ending.signal,
      chunks,
      placeOf,
      (migrationId) => this.take(migrationId, { ending, outcome: () => outcome }),
    );
    return outcome;
  }

  /** Ends the migration's upload, if there is one; none of its files is open after that. `reason` is what its sender is told. */
  async end(migrationId: string, reason: string): Promise<void> {
    const upload = this.open.get(migrationId);
    if (upload === undefined) return;
    const message = `no more images of migration ${migrationId} are taken: ${reason}`;
    upload.ending.abort(new PortkeyError('stale-epoch', message));
    await upload.outcome().catch(() => undefined);
  }

  private async receiveUntil(
    ended: AbortSignal,
    chunks: AsyncIterable<ImageChunk>,
    placeOf: (migrationId: string) => Promise<ImagePlace>,
    take: (migrationId: string) => void,
  ): Promise<ImagesReceived> {
    let taken: string | undefined;
    let upload: Upload | undefined;
    try {
      for await (const { migrationId, name, content } of until(ended, chunks)) {
        if (taken === undefined) {
          take(requireMigrationId(migrationId));
          taken = migrationId;
        }
        upload ??= await Upload.into(await placeOf(migrationId));
        if (name !== '') await upload.begin(name);
        await upload.write(content);
      }
      return upload?.received ?? { files: 0, bytes: 0 };
    } finally {
      await upload?.close();
      if (taken !== undefined) this.open.delete(taken);
    }
  }

  private take(migrationId: string, upload: OpenUpload): void {
    if (this.open.has(migrationId)) {
      throw new PortkeyError(
        'transition-refused',
        `the images of migration ${migrationId} are being sent already; wait for that`,
      );
    }
    this.open.set(migrationId, upload);
  }
}

class Upload {
  private file: FileHandle | undefined;
  private files = 0;
  private bytes = 0;

  private constructor(
    private readonly place: ImagePlace,
    /** A page for each file, however little it holds. */
    private takenBytes: number,
  ) {}

  static async into(place: ImagePlace): Promise<Upload> {
    return new Upload(place, await bytesIn(place.folder));
  }

  get received(): ImagesReceived {
    return { files: this.files, bytes: this.bytes };
  }

  async begin(name: string): Promise<void> {
    if (!imageName.test(name))
      throw new PortkeyError('invalid-argument', `'${name.slice(0, 200)}' is not the name of an image file`);
    this.takeRoom(PAGE_BYTES);
    await this.close();
    this.file = await this.orNamed(name, () => open(path.join(this.place.folder, name), 'wx', 0o600));
    this.files += 1;
  }

  async write(content: Uint8Array): Promise<void> {
    const { file } = this;
    if (file === undefined)
      throw new PortkeyError('invalid-argument', 'the first chunk of a file must name it');
    this.takeRoom(content.length);
    await this.orNamed('an image', () => file.writeFile(content));
    this.bytes += content.length;
  }

  async close(): Promise<void> {
    const { file } = this;
    this.file = undefined;
    await file?.close();
  }

  private takeRoom(byteLength: number): void {
    const { folder, maxBytes } = this.place;
    this.takenBytes += byteLength;
    if (this.takenBytes <= maxBytes) return;
    throw new PortkeyError(
      'no-room',
      `the images in ${folder} would take ${formatBytes(this.takenBytes)}, but the source announced a container that needs no more than ${formatBytes(maxBytes)}; migrate again once it has stopped growing`,
    );
  }

  private async orNamed<T>(what: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (cause) {
      const { folder } = this.place;
      if (errorCodeOf(cause) === 'EEXIST')
        throw new PortkeyError('invalid-argument', `${what} is in ${folder} already`, { cause });
      if (errorCodeOf(cause) === 'ENOSPC')
        throw new PortkeyError('no-room', `${folder} has no room for ${what}; free memory in this VM`, {
          cause,
        });
      throw cause;
    }
  }
}

/** Throws the signal's reason when it fires, also where nothing comes. */
async function* until<T>(signal: AbortSignal, sent: AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = sent[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await abortable(iterator.next(), signal);
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    // Not waited for: where its sender says nothing, it would not end either.
    iterator.return?.().catch(() => undefined);
  }
}

async function bytesIn(folder: string): Promise<number> {
  const names = await readdir(folder);
  const sizes = names.map(async (name) => (await lstat(path.join(folder, name))).blocks * blockBytes);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
