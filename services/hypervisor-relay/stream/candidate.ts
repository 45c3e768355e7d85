/**
 * A connection to a landing that has yet to say who it is: its HELLO, taken as it comes.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import { maxMigrationIdBytes } from '../../../libraries/hypercall/index.js';
import { receiveExactly, noWakeUp, waitReadable } from '../../../libraries/libc/index.js';
import type { MessageSocket } from './message-socket.js';
import { decodeHello, tokenBytes, type StreamHello } from './bodies.js';
import { decodeHeader, streamHeaderBytes } from './protocol.js';

const maxHelloBytes = streamHeaderBytes + tokenBytes + 2 * 4 + 2 + maxMigrationIdBytes;

export class Candidate {
  private readonly received = Buffer.from(new ArrayBuffer(maxHelloBytes));
  private receivedBytes = 0;
  /** Known once the header is there. */
  private wholeBytes = Number.POSITIVE_INFINITY;

  constructor(
    readonly socket: MessageSocket,
    readonly untilMs: number,
  ) {}

  /** Takes what has come; the HELLO once that is all of it. Never waits. Throws `stream-broken` for anything else. */
  takeHello(): StreamHello | undefined {
    // Byte by byte: a receive of more would wait for them.
    while (waitReadable(this.socket.fd, noWakeUp, 0)) {
      const next = this.received.subarray(this.receivedBytes, this.receivedBytes + 1);
      if (!receiveExactly(this.socket.fd, next, 1)) throw notAHello();
      this.receivedBytes += 1;
      if (this.receivedBytes === streamHeaderBytes) this.wholeBytes = this.announcedBytes();
      if (this.receivedBytes === this.wholeBytes) {
        return decodeHello(this.received.subarray(streamHeaderBytes, this.wholeBytes));
      }
    }
    return undefined;
  }

  private announcedBytes(): number {
    const { type, sequence, bodyBytes, contentBytes } = decodeHeader(this.received);
    const whole = streamHeaderBytes + bodyBytes;
    if (type !== 'hello' || sequence !== 0 || contentBytes !== 0 || whole > maxHelloBytes) throw notAHello();
    return whole;
  }
}

function notAHello(): PortkeyError {
  return new PortkeyError('stream-broken', 'a stream begins with HELLO');
}
