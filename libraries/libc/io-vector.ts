/**
 * Pieces of memory for one `writev` or `preadv`, packed as the kernel wants them: 16 bytes a piece, no object per piece.
 *
 * `sendAll` writes all of it to a blocking socket, `writeAt` into a file, `readAt` fills it from one, however the kernel cuts it. Memory that
 * cannot be read, because the file that it maps has become shorter, is an error and no crash. Addresses are numbers here: user
 * space ends below 2^47, which a double holds exactly. Limits: 1024 pieces (IOV_MAX), little-endian 64-bit.
 */
import { PortkeyError, type ErrorCode } from '../errors/index.js';
import { bufferAddress, interrupted, libc, libcError } from './library.js';

const writev = libc.func('int64_t writev(int fd, void *vector, int count)') as (
  fd: number,
  vector: Buffer,
  count: number,
) => number;
const pwritev = libc.func('int64_t pwritev(int fd, void *vector, int count, int64_t offset)') as (
  fd: number,
  vector: Buffer,
  count: number,
  offset: number,
) => number;
const preadv = libc.func('int64_t preadv(int fd, void *vector, int count, int64_t offset)') as (
  fd: number,
  vector: Buffer,
  count: number,
  offset: number,
) => number;

export const maxPieces = 1024;
const pieceBytes = 16;
const twoTo32 = 2 ** 32;

export class IoVector {
  private readonly bytes = Buffer.from(new ArrayBuffer(maxPieces * pieceBytes));
  private readonly words = new Uint32Array(this.bytes.buffer, 0, maxPieces * 4);
  private readonly kept: Buffer[] = [];
  private used = 0;
  private total = 0;

  /** `write` is writev(2), or a test's. */
  constructor(private readonly write: (fd: number, vector: Buffer, count: number) => number = writev) {}

  get pieces(): number {
    return this.used;
  }

  get byteLength(): number {
    return this.total;
  }

  get isFull(): boolean {
    return this.used === maxPieces;
  }

  /** Memory at `address` must stay mapped until the vector was sent or cleared. */
  add(address: number, byteLength: number): void {
    if (this.isFull) throw new PortkeyError('internal', `an I/O vector has at most ${maxPieces} pieces`);
    const at = this.used * 4;
    this.words[at] = address % twoTo32;
    this.words[at + 1] = Math.floor(address / twoTo32);
    this.words[at + 2] = byteLength % twoTo32;
    this.words[at + 3] = Math.floor(byteLength / twoTo32);
    this.used += 1;
    this.total += byteLength;
  }

  /** Keeps the buffer alive until the vector was sent or cleared. */
  addBuffer(buffer: Buffer): void {
    this.kept.push(buffer);
    this.add(Number(bufferAddress(buffer)), buffer.length);
  }

  /** The pieces, in order. */
  forEach(act: (address: number, byteLength: number) => void): void {
    for (let at = 0; at < this.used * 4; at += 4) {
      act(this.word(at) + this.word(at + 1) * twoTo32, this.word(at + 2) + this.word(at + 3) * twoTo32);
    }
  }

  clear(): void {
    this.used = 0;
    this.total = 0;
    this.kept.length = 0;
  }

  /** Blocks until everything is in the socket's hands, then clears. Throws `stream-broken`. */
  sendAll(fd: number): void {
    // SAFETY: the vector has `used` pieces, each of memory that its adder keeps valid.
    this.drain((pieces, count) => this.write(fd, pieces, count), 'writev', 'the stream', 'stream-broken');
  }

  /** Writes everything into a file from `offset` on, then clears. Throws with the errno's name in its cause. */
  writeAt(fd: number, offset: number): void {
    // SAFETY: as in `sendAll`.
    this.drain(
      (pieces, count, done) => pwritev(fd, pieces, count, offset + done),
      'pwritev',
      'a file',
      'internal',
    );
  }

  /** Fills everything from a file, from `offset` on, then clears. Throws as `writeAt`, also where the file is too short. */
  readAt(fd: number, offset: number): void {
    // SAFETY: as in `sendAll`; the pieces are memory that may be written.
    const read = (pieces: Buffer, count: number, done: number): number => {
      const filled = preadv(fd, pieces, count, offset + done);
      if (filled === 0) throw new PortkeyError('internal', 'a file is shorter than what is to be read of it');
      return filled;
    };
    this.drain(read, 'preadv', 'a file', 'internal');
  }

  private drain(
    write: (pieces: Buffer, count: number, done: number) => number,
    call: string,
    subject: string,
    code: ErrorCode,
  ): void {
    let first = 0;
    let done = 0;
    while (first < this.used) {
      const piecesLeft = this.bytes.subarray(first * pieceBytes, this.used * pieceBytes);
      const written = write(piecesLeft, this.used - first, done);
      if (written < 0) {
        if (interrupted()) continue;
        throw libcError(call, subject, code);
      }
      done += written;
      first = this.advance(first, written);
    }
    this.clear();
  }

  /** Drops `written` bytes from piece `first` on; returns the first piece with something left. */
  private advance(first: number, written: number): number {
    let left = written;
    for (let piece = first; piece < this.used; piece += 1) {
      const at = piece * 4;
      const length = this.word(at + 2) + this.word(at + 3) * twoTo32;
      if (left < length) {
        const address = this.word(at) + this.word(at + 1) * twoTo32 + left;
        this.words[at] = address % twoTo32;
        this.words[at + 1] = Math.floor(address / twoTo32);
        this.words[at + 2] = (length - left) % twoTo32;
        this.words[at + 3] = Math.floor((length - left) / twoTo32);
        return piece;
      }
      left -= length;
    }
    return this.used;
  }

  private word(index: number): number {
    return this.words[index] ?? 0;
  }
}
