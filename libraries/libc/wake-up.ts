/**
 * Waiting for a socket, for another thread or for a while, all at once: poll(2) with an eventfd.
 *
 * One thread owns the eventfd, wakes with `wake` and closes it after the waiting thread is gone; the waiting thread
 * knows its number only. Wake-ups do not get lost and do not add up: whoever wakes first puts its message where
 * the waiter looks, and the waiter looks after every return.
 */
import { closeSync, readSync, writeSync } from 'node:fs';

import { interrupted, libc, libcError } from './library.js';

const eventfd = libc.func('int eventfd(uint32_t initial, int flags)') as (
  initial: number,
  flags: number,
) => number;
const poll = libc.func('int poll(void *entries, uint64_t count, int timeout)') as (
  entries: Buffer,
  count: number,
  timeout: number,
) => number;

const EFD_CLOEXEC = 0x80000;
const POLLIN = 1;
const entryBytes = 8;

export class WakeUp {
  readonly fd: number;
  private open = true;

  constructor() {
    this.fd = eventfd(0, EFD_CLOEXEC);
    if (this.fd < 0) throw libcError('eventfd', 'a wake-up');
  }

  wake(): void {
    const one = Buffer.alloc(8);
    one.writeBigUInt64LE(1n);
    if (this.open) writeSync(this.fd, one);
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    closeSync(this.fd);
  }
}

/** In place of a wake-up: a descriptor that poll(2) leaves out. */
export const noWakeUp = -1;

/**
 * Blocks until a socket has something to read (or is at its end), the wake-up was used, or the time has passed; −1
 * waits for ever. Takes the wake-up back. Returns whether the socket is readable.
 */
export function waitReadable(socketFd: number, wakeUpFd: number, timeoutMs: number): boolean {
  const entries = Buffer.alloc(2 * entryBytes);
  entries.writeInt32LE(socketFd, 0);
  entries.writeInt16LE(POLLIN, 4);
  entries.writeInt32LE(wakeUpFd, entryBytes);
  entries.writeInt16LE(POLLIN, entryBytes + 4);
  // SAFETY: two entries of struct pollfd, 8 bytes each.
  if (poll(entries, 2, timeoutMs) < 0) {
    if (interrupted()) return false;
    throw libcError('poll', 'a stream');
  }
  if (entries.readInt16LE(entryBytes + 6) !== 0) readSync(wakeUpFd, Buffer.alloc(8));
  return entries.readInt16LE(6) !== 0;
}
