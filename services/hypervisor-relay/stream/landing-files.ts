/**
 * The files of one landing: objects, which are written in place until they are closed, and files, which are
 * written once.
 *
 * The landing folder is opened beneath the share, and everything else beneath it, because the guest can write there too. Who brings content writes
 * it, into the descriptor that it is handed for as long as that takes. Pages that are zero, or gone, become holes, which
 * take no room: what an earlier round wrote there is given back. How much a landing takes in all is bounded
 * (landing-quota.ts): what comes is a guest's, and another host's.
 *
 * Each stream of a migration has an instance of its own on the same folder, and different pages of the same files.
 * So a file may have become longer than this one knows: it is only ever made longer, in a way that cannot cut off
 * what another stream has written meanwhile.
 */
import { closeSync, fstatSync, ftruncateSync, writeSync } from 'node:fs';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { maxObjects } from '../../../libraries/hypercall/index.js';
import {
  bytesBelow,
  errorCodeOf,
  Folder,
  punchHole,
  type FolderPlace,
} from '../../../libraries/libc/index.js';
import { LandingQuota } from './landing-quota.js';
import { broken } from './protocol.js';

interface LandingObject {
  readonly fd: number;
  /** Nothing was written from here on by this instance. */
  endsAt: number;
}

export class LandingFiles {
  private readonly objects = new Map<number, LandingObject>();
  private readonly folder: Folder;
  private readonly quota: LandingQuota;
  private readonly zero = Buffer.alloc(1);

  /** `quota`: of this landing. */
  constructor(place: FolderPlace, quota: SharedArrayBuffer) {
    this.folder = Folder.openBeneath(place);
    this.quota = new LandingQuota(quota, (mostBytes) => bytesBelow(this.folder, mostBytes));
  }

  openObject(object: number, name: string): void {
    if (this.objects.has(object)) throw broken(`object ${object} was opened twice`);
    if (this.objects.size === maxObjects) throw broken(`more than ${maxObjects} objects`);
    this.quota.takeFile();
    const fd = this.orNoRoom(() => this.folder.openForWriting(name));
    this.objects.set(object, { fd, endsAt: fstatSync(fd).size });
  }

  closeObject(object: number): void {
    closeSync(this.get(object).fd);
    this.objects.delete(object);
  }

  /** `write` writes these bytes of an object. Throws `no-room`, and what it throws. */
  landPages(object: number, offset: number, byteLength: number, write: (fd: number) => void): void {
    const landing = this.get(object);
    this.quota.take(byteLength);
    this.orNoRoom(() => write(landing.fd));
    landing.endsAt = Math.max(landing.endsAt, offset + byteLength);
  }

  /** These bytes of an object read as zeroes, also where the file ended before them. */
  landZeroes(object: number, offset: number, byteLength: number): void {
    const landing = this.get(object);
    const end = offset + byteLength;
    if (end > landing.endsAt) {
      // Not by ftruncate, which would cut off what another stream has written behind this.
      this.orNoRoom(() => writeSync(landing.fd, this.zero, 0, 1, end - 1));
    }
    punchHole(landing.fd, offset, byteLength);
    landing.endsAt = Math.max(landing.endsAt, end);
  }

  /** What was written of these bytes is given back. */
  dropPages(object: number, offset: number, byteLength: number): void {
    punchHole(this.get(object).fd, offset, byteLength);
  }

  /** `write` writes a whole file of so many bytes from its beginning. Throws `no-room`, and what it throws. */
  landFile(name: string, byteLength: number, write: (fd: number) => void): void {
    this.quota.takeFile();
    this.quota.take(byteLength);
    const fd = this.orNoRoom(() => this.folder.openForWriting(name));
    try {
      ftruncateSync(fd, 0);
      this.orNoRoom(() => write(fd));
    } finally {
      closeSync(fd);
    }
  }

  close(): void {
    for (const { fd } of this.objects.values()) closeSync(fd);
    this.objects.clear();
    this.folder.close();
  }

  private get(object: number): LandingObject {
    const landing = this.objects.get(object);
    if (landing === undefined) throw broken(`a message for object ${object}, which is not open`);
    return landing;
  }

  private orNoRoom<T>(write: () => T): T {
    try {
      return write();
    } catch (cause) {
      if (errorCodeOf(cause) !== 'ENOSPC') throw cause;
      throw new PortkeyError('no-room', `the landing folder ${this.folder.path} is full`, { cause });
    }
  }
}
