/**
 * Those who come to a landing's port in a case, and what becomes of them. They are in the case's own thread: they come and
 * speak when the admission looks at its clock, so that it never waits for them in vain.
 */
import assert from 'node:assert/strict';
import { closeSync, readSync, writeSync } from 'node:fs';

import {
  connectTcp,
  errorCodeOf,
  noWakeUp,
  openTcpSocket,
  waitReadable,
} from '../../../libraries/libc/index.js';
import { messagesIn } from './stream-messages.js';

const connectTimeoutMs = 5_000;
const answerMs = 5_000;

export class Visitor {
  private fd: number | undefined = openTcpSocket();
  private said: Buffer = Buffer.alloc(0);

  /** `hello`: what it means to say. */
  constructor(
    private readonly hello: Buffer,
    readonly isHonest: boolean,
  ) {}

  get hasLeft(): boolean {
    return this.fd === undefined;
  }

  /** All that it has said. */
  get words(): Buffer {
    return this.said;
  }

  come(address: string, port: number): void {
    if (this.fd !== undefined) connectTcp(this.fd, { address, port }, connectTimeoutMs);
  }

  /** So many bytes more of its HELLO; after its end, of anything. */
  say(byteLength: number): void {
    const rest = this.hello.subarray(this.said.length, this.said.length + byteLength);
    const words = rest.length > 0 ? rest : Buffer.alloc(Math.min(byteLength, 64), 0x50);
    if (this.fd === undefined || words.length === 0) return;
    try {
      writeSync(this.fd, words);
      this.said = Buffer.concat([this.said, words]);
    } catch {
      // It was turned away before, and is told so where its answers are read.
    }
  }

  /** A byte that nobody reads has the connection reset: one that ended in order would keep its number for a minute. */
  leave(): void {
    if (this.fd === undefined) return;
    try {
      writeSync(this.fd, Buffer.alloc(1));
    } catch {
      // It is reset already.
    }
    closeSync(this.fd);
    this.fd = undefined;
  }

  /** What it was told: types of messages. Throws where the connection was neither admitted nor ended. */
  answers(): string[] {
    if (this.fd === undefined) return [];
    const received = Buffer.alloc(4096);
    let [length, hasEnded] = [0, false];
    let types: string[] = [];
    try {
      while (!hasEnded && !types.includes('welcome') && waitReadable(this.fd, noWakeUp, answerMs)) {
        const read = readSync(this.fd, received, length, received.length - length, null);
        hasEnded = read === 0;
        length += read;
        types = messagesIn(received.subarray(0, length)).map(({ type }) => type);
      }
    } catch (error) {
      // Whoever is turned away before all that it said was read gets a reset in place of an end.
      if (errorCodeOf(error) !== 'ECONNRESET') throw error;
      hasEnded = true;
    }
    assert.ok(hasEnded || types.includes('welcome'), 'a connection was neither admitted nor ended');
    return types;
  }
}
