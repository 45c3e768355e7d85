/**
 * Content from a socket into files, through one buffer: it is read no more than a buffer ahead of what was written, so
 * memory is bounded whatever a message announces.
 *
 * Most of what this costs is the first touch of the file's pages, and that is the same however they are filled: a
 * buffer of 1 MiB, one fallocate beforehand and splice gained nothing that could be told from noise; receiving into a
 * mapping of the file, populated beforehand or not, was dearer for the faults, although it copies once less.
 *
 * A tmpfs with huge pages takes less at first touch (measure.js 3 FOLDER, with a folder on such a mount). That is
 * no default, because a landing's files are as long as an address space and mostly holes, and there each page that is
 * written alone takes 2 MiB: the landing's memory would have no bound. It pays for containers of few, large areas on
 * hosts with room.
 */
import { writeSync } from 'node:fs';

import { PortkeyError } from '../../../libraries/errors/index.js';
import type { ByteSocket } from './byte-socket.js';
import type { WriteTurns } from './write-turns.js';

/** Fits a core's second-level cache, so that the second copy is cheap. */
const bufferBytes = 256 * 1024;

export class SocketContent {
  private readonly buffer = Buffer.from(new ArrayBuffer(bufferBytes));

  constructor(
    private readonly socket: ByteSocket,
    private readonly turns: WriteTurns,
  ) {}

  /** Blocks until the next bytes of the stream are in the object's file. Throws `stream-broken`, and what writing throws. */
  into(object: number, fd: number, offset: number, byteLength: number): void {
    for (let landed = 0; landed < byteLength;) {
      const length = Math.min(bufferBytes, byteLength - landed);
      if (!this.socket.receive(this.buffer, length)) {
        throw new PortkeyError(
          'stream-broken',
          'the stream between the relays ended in the middle of a message',
        );
      }
      this.turns.write(object, () => {
        for (let written = 0; written < length;) {
          written += writeSync(fd, this.buffer, written, length - written, offset + landed + written);
        }
      });
      landed += length;
    }
  }
}
