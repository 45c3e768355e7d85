/**
 * A file's bytes to a socket, or into another file, without passing through JavaScript: `sendfile`.
 *
 * The pages are handed over as they are, and read when the network takes them: meant for files that nobody writes.
 */
import { PortkeyError } from '../errors/index.js';
import { interrupted, libc, libcError } from './library.js';

const sendfile = libc.func('int64_t sendfile(int to, int from, void *offset, size_t count)') as (
  to: number,
  from: number,
  offset: Buffer,
  count: number,
) => number;

/**
 * Blocks until `byteLength` bytes of the file, from `start` on, are in the socket's hands, or in the other file where its descriptor
 * stands. Throws `stream-broken`,
 * also where the file has become shorter.
 */
export function sendFile(toFd: number, fileFd: number, start: number, byteLength: number): void {
  const offset = Buffer.alloc(8);
  let sent = 0;
  while (sent < byteLength) {
    offset.writeBigInt64LE(BigInt(start + sent));
    // SAFETY: `offset` is the 8 bytes that the kernel reads and writes back.
    const count = sendfile(toFd, fileFd, offset, byteLength - sent);
    if (count > 0) sent += count;
    else if (count === 0) throw new PortkeyError('stream-broken', 'a file became shorter while it was sent');
    else if (!interrupted()) throw libcError('sendfile', 'the stream', 'stream-broken');
  }
}
