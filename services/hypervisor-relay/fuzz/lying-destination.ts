/**
 * The far end of a source's stream: a destination that says whatever a case has it say, on a real connection.
 *
 * Invariant: nobody waits for it for ever. Where what it has said is not whole messages, as far as a reader could tell, it
 * says no more, and its end comes. It is in the case's own thread, so it speaks before the source listens and not meanwhile.
 */
import { closeSync, writeSync } from 'node:fs';

import { asPortkeyError } from '../../../libraries/errors/index.js';
import { acceptTcp, endSending, receiveAvailable, shutdownSocket } from '../../../libraries/libc/index.js';
import { decodeHeader, streamHeaderBytes } from '../stream/protocol.js';

const acceptTimeoutMs = 5_000;
/** A connection's buffers hold as much, so that writing it waits for nobody. */
const maxSaidBytes = 32 * 1024;

export class LyingDestination {
  private fd: number | undefined;
  /** What of it the source has yet to see the end of. */
  private unfinished: Buffer = Buffer.alloc(0);
  private saidBytes = 0;
  private isSilent = false;
  private readonly read = Buffer.alloc(64 * 1024);

  constructor(private readonly listenerFd: number) {}

  accept(): void {
    this.fd = acceptTcp(this.listenerFd, acceptTimeoutMs);
  }

  say(bytes: Buffer): void {
    this.listen();
    if (this.fd === undefined || this.isSilent) return;
    if (this.saidBytes + bytes.length > maxSaidBytes) {
      this.endSaying();
      return;
    }
    this.saidBytes += bytes.length;
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(this.fd, bytes, at);
    } catch {
      // The source has given up, as it may.
      this.endSaying();
    }
    this.unfinished = restOf(Buffer.concat([this.unfinished, bytes]));
    if (this.unfinished.length > 0) this.endSaying();
  }

  /** Where it has said nothing that a reader could take for an answer, its end comes. */
  requireSaid(): void {
    if (this.saidBytes === 0) this.endSaying();
  }

  /** Takes what the source has sent, so that it can go on. */
  listen(): void {
    try {
      while (this.fd !== undefined && (receiveAvailable(this.fd, this.read) ?? 0) > 0);
    } catch (error) {
      if (asPortkeyError(error).code !== 'stream-broken') throw error;
    }
  }

  endSaying(): void {
    this.isSilent = true;
    if (this.fd !== undefined) endSending(this.fd);
  }

  /** As where its process has crashed. */
  vanish(): void {
    this.isSilent = true;
    if (this.fd !== undefined) shutdownSocket(this.fd);
  }

  close(): void {
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
  }
}

/** Nothing where it ends with a message, or where a reader gives up before its end. */
function restOf(bytes: Buffer): Buffer {
  let at = 0;
  while (bytes.length - at >= streamHeaderBytes) {
    const bodyBytes = bodyBytesOf(bytes.subarray(at));
    if (bodyBytes === undefined) return Buffer.alloc(0);
    if (bytes.length - at < streamHeaderBytes + bodyBytes) break;
    at += streamHeaderBytes + bodyBytes;
  }
  return bytes.subarray(at);
}

function bodyBytesOf(bytes: Buffer): number | undefined {
  try {
    return decodeHeader(bytes).bodyBytes;
  } catch {
    return undefined;
  }
}
