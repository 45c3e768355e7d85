/**
 * Content from a socket into frames of a guest: the two ways that there are.
 *
 *     copied   by a buffer that fits a core's second-level cache, then `pwrite` into the RAM file
 *     mapped   by `recv` straight into a mapping of the RAM file: one copy less, one page fault a page more, because the
 *              relay has not touched the page before
 */
import { writeSync } from 'node:fs';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { receiveExactly, receiveInto, type Mapping } from '../../../libraries/libc/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import type { GrantedFrames } from './granted-frames.js';

export interface FrameContent {
  /** Blocks until the stream's next pages are in these frames. Throws `stream-broken`, `bad-run`. */
  into(socketFd: number, page: number, count: number): void;
}

const bufferPages = 64;

export class CopiedContent implements FrameContent {
  private readonly buffer = Buffer.from(new ArrayBuffer(bufferPages * PAGE_BYTES));

  constructor(
    private readonly frames: GrantedFrames,
    private readonly ramFd: number,
  ) {}

  into(socketFd: number, page: number, count: number): void {
    for (let landed = 0; landed < count;) {
      const length = Math.min(bufferPages, count - landed);
      if (!receiveExactly(socketFd, this.buffer, length * PAGE_BYTES)) throw endedEarly();
      let at = 0;
      this.frames.locate(page + landed, length, (fileOffset, byteLength) => {
        const end = at + byteLength;
        for (let to = fileOffset; at < end;) {
          const written = writeSync(this.ramFd, this.buffer, at, end - at, to);
          at += written;
          to += written;
        }
      });
      landed += length;
    }
  }
}

export class MappedContent implements FrameContent {
  constructor(
    private readonly frames: GrantedFrames,
    /** Of the RAM file, for writing. */
    private readonly ram: Mapping,
  ) {}

  into(socketFd: number, page: number, count: number): void {
    this.frames.locate(page, count, (fileOffset, byteLength) => {
      // SAFETY of the address: the map, by which the frames were found, ends within the mapping, which is open.
      if (!receiveInto(socketFd, this.ram.address + BigInt(fileOffset), byteLength)) throw endedEarly();
    });
  }
}

function endedEarly(): PortkeyError {
  return new PortkeyError('stream-broken', 'the stream between the relays ended in the middle of a message');
}
