/**
 * The receiving half of the floor: node floor-receiver.js ADDRESS FILE BYTES
 *
 * Prints {"port"}, takes one connection, writes so many bytes into the file by recv and pwrite, and prints what that
 * took.
 */
import { closeSync, openSync, writeSync } from 'node:fs';

import { acceptTcp, IoVector, listenTcp, receiveExactly } from '../../libraries/libc/index.js';
import { stopwatch } from './floor-figures.js';

/** Fits a core's second-level cache, so that the copy into the file is cheap. */
const bufferBytes = 256 * 1024;

const [address = '', file = '', byteText = ''] = process.argv.slice(2);
const byteLength = Number(byteText);
const listener = listenTcp(address);
process.stdout.write(`${JSON.stringify({ port: listener.port })}\n`);
const socket = acceptTcp(listener.fd, 30_000);
const buffer = Buffer.from(new ArrayBuffer(bufferBytes));
const fd = openSync(file, 'w');
const figures = stopwatch();
for (let landed = 0; landed < byteLength;) {
  const length = Math.min(bufferBytes, byteLength - landed);
  if (!receiveExactly(socket, buffer, length)) throw new Error('the sender closed early');
  for (let written = 0; written < length;) {
    written += writeSync(fd, buffer, written, length - written, landed + written);
  }
  landed += length;
}
const done = new IoVector();
done.addBuffer(Buffer.from(new ArrayBuffer(1)));
done.sendAll(socket);
process.stdout.write(`${JSON.stringify(figures())}\n`);
for (const open of [socket, listener.fd, fd]) closeSync(open);
