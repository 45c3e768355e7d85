/**
 * `process.exit` drops what a pipe has not taken yet: pipes are asynchronous (Node: "A note on process I/O"), and
 * hold 64 KiB. So before it exits the command line waits until everything it wrote is in the kernel's hands.
 */
import type { Writable } from 'node:stream';

/** Resolves when everything written so far was taken, or can no longer be. */
export function flushed(stream: Writable): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()));
}
