/**
 * Memory whose frames stay where they are: registered as buffers of an io_uring that is used for nothing else
 * (io_uring_register(2), IORING_REGISTER_BUFFERS).
 *
 *     pinned ──release──▶ free
 *
 * mlock(2) keeps pages in memory, not in place: compaction still moves them. Registered buffers are pinned for as long
 * as they may be written by a device, and neither compaction nor swapping touches their frames. Pages that were not
 * there yet are brought in. Works for anonymous memory and for shared mappings of tmpfs, not for other files.
 *
 * Invariants: one owner; the memory outlives the pin; a process that ends takes its pins with it. Limits: 16 384 pieces;
 * the kernel counts them against RLIMIT_MEMLOCK unless the process has CAP_IPC_LOCK; `kernel.io_uring_disabled` or a
 * seccomp filter may forbid io_uring.
 */
import { closeSync } from 'node:fs';

import { bufferAddress, libc, libcError } from './library.js';

const setup = libc.func('int64_t syscall(int64_t number, uint32_t entries, void *parameters)') as (
  number: number,
  entries: number,
  parameters: Buffer,
) => number;
const register = libc.func(
  'int64_t syscall(int64_t number, int fd, uint32_t operation, void *argument, uint32_t count)',
) as (number: number, fd: number, operation: number, argument: bigint | null, count: number) => number;

/** The same on every architecture (include/uapi/asm-generic/unistd.h). */
const SYS_io_uring_setup = 425;
const SYS_io_uring_register = 427;
const IORING_REGISTER_BUFFERS = 0;
const IORING_UNREGISTER_BUFFERS = 1;
/** struct io_uring_params. */
const parameterBytes = 120;
const pieceBytes = 16;
/** The kernel's limit for one buffer. */
const maxBufferBytes = 2 ** 30;

/** Whole pages. */
export interface MemoryPiece {
  readonly address: bigint;
  readonly byteLength: number;
}

export class PinnedMemory {
  private constructor(private ringFd: number | undefined) {}

  /** The memory must be mapped for writing, and stay mapped until the release. Throws with the errno's name in its cause. */
  static pin(pieces: readonly MemoryPiece[]): PinnedMemory {
    const parameters = Buffer.from(new ArrayBuffer(parameterBytes));
    // SAFETY: the kernel reads and writes a whole struct io_uring_params.
    const ringFd = setup(SYS_io_uring_setup, 1, parameters);
    if (ringFd < 0) throw libcError('io_uring_setup', 'pinned memory');
    const buffers = bufferList(pieces);
    const count = buffers.length / pieceBytes;
    // SAFETY: the kernel reads `count` iovecs; it checks the memory that they name.
    if (register(SYS_io_uring_register, ringFd, IORING_REGISTER_BUFFERS, bufferAddress(buffers), count) < 0) {
      const error = libcError('io_uring_register', 'pinned memory');
      closeSync(ringFd);
      throw error;
    }
    return new PinnedMemory(ringFd);
  }

  /** The frames may move again. Idempotent. */
  release(): void {
    const { ringFd } = this;
    if (ringFd === undefined) return;
    this.ringFd = undefined;
    // SAFETY: no argument. Closing alone would unpin some time later.
    const failed = register(SYS_io_uring_register, ringFd, IORING_UNREGISTER_BUFFERS, null, 0) < 0;
    const error = failed ? libcError('io_uring_register', 'pinned memory') : undefined;
    closeSync(ringFd);
    if (error !== undefined) throw error;
  }
}

/** An array of struct iovec. */
function bufferList(pieces: readonly MemoryPiece[]): Buffer {
  const buffers = pieces.flatMap(({ address, byteLength }) => {
    const parts: MemoryPiece[] = [];
    for (let at = 0; at < byteLength; at += maxBufferBytes) {
      parts.push({ address: address + BigInt(at), byteLength: Math.min(maxBufferBytes, byteLength - at) });
    }
    return parts;
  });
  const list = Buffer.from(new ArrayBuffer(buffers.length * pieceBytes));
  buffers.forEach(({ address, byteLength }, index) => {
    list.writeBigUInt64LE(address, index * pieceBytes);
    list.writeBigUInt64LE(BigInt(byteLength), index * pieceBytes + 8);
  });
  return list;
}
