/**
 * The files of one landing: objects, which are written in place until they are closed, and files, which are
 * written once.
 *
 * Everything is opened beneath the landing folder, because the guest can write there too. Content goes from the
 * socket through one buffer into the files; it is read from the socket even where it cannot be written no more
 * than one buffer ahead, so memory is bounded whatever a message announces. Zero pages become holes, which take no
 * room: what an earlier round wrote there is given back.
 */
import { closeSync, fstatSync, ftruncateSync, writeSync } from 'node:fs';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { errorCodeOf, Folder, punchHole, receiveExactly } from '../../../libraries/libc/index.js';
import { maxObjects } from './protocol.js';

/** Fits a core's second-level cache, so that the second copy is cheap. */
const bufferBytes = 256 * 1024;

interface LandingObject {
  readonly fd: number;
  /** Nothing was written from here on. */
  endsAt: number;
}

export class LandingFiles {
  private readonly objects = new Map<number, LandingObject>();
  private readonly buffer = Buffer.from(new ArrayBuffer(bufferBytes));
  private readonly folder: Folder;

  constructor(
    path: string,
    private readonly socketFd: number,
  ) {
    this.folder = Folder.open(path);
  }

  openObject(object: number, name: string): void {
    if (this.objects.has(object)) throw broken(`object ${object} was opened twice`);
    if (this.objects.size === maxObjects) throw broken(`more than ${maxObjects} objects`);
    const fd = this.folder.openForWriting(name);
    this.objects.set(object, { fd, endsAt: fstatSync(fd).size });
  }

  closeObject(object: number): void {
    closeSync(this.get(object).fd);
    this.objects.delete(object);
  }

  /** Takes the next bytes of the stream into an object, at this place. */
  landPages(object: number, offset: number, byteLength: number): void {
    const landing = this.get(object);
    this.land(landing.fd, offset, byteLength);
    landing.endsAt = Math.max(landing.endsAt, offset + byteLength);
  }

  /** These bytes of an object read as zeroes, also where the file ended before them. */
  landZeroes(object: number, offset: number, byteLength: number): void {
    const landing = this.get(object);
    if (offset < landing.endsAt) punchHole(landing.fd, offset, byteLength);
    if (offset + byteLength <= landing.endsAt) return;
    landing.endsAt = offset + byteLength;
    ftruncateSync(landing.fd, landing.endsAt);
  }

  /** Takes the next bytes of the stream as a whole file. */
  landFile(name: string, byteLength: number): void {
    const fd = this.folder.openForWriting(name);
    try {
      ftruncateSync(fd, 0);
      this.land(fd, 0, byteLength);
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

  private land(fd: number, offset: number, byteLength: number): void {
    let landed = 0;
    while (landed < byteLength) {
      const length = Math.min(bufferBytes, byteLength - landed);
      if (!receiveExactly(this.socketFd, this.buffer, length))
        throw broken('it ended in the middle of a message');
      this.write(fd, offset + landed, length);
      landed += length;
    }
  }

  private write(fd: number, offset: number, byteLength: number): void {
    try {
      for (let written = 0; written < byteLength;) {
        written += writeSync(fd, this.buffer, written, byteLength - written, offset + written);
      }
    } catch (cause) {
      if (errorCodeOf(cause) !== 'ENOSPC') throw cause;
      throw new PortkeyError('no-room', `the landing folder ${this.folder.path} is full`, { cause });
    }
  }
}

function broken(problem: string): PortkeyError {
  return new PortkeyError('stream-broken', `the stream between the relays is broken: ${problem}`);
}
