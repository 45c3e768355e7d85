/**
 * A connection to a landing that has yet to say who it is: its HELLO, taken as it comes. By TLS it has shown its
 * certificate before.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import { maxMigrationIdBytes } from '../../../libraries/hypercall/index.js';
import type { MessageSocket } from './message-socket.js';
import { decodeHello, tokenBytes, type StreamHello } from './bodies.js';
import { decodeHeader, streamHeaderBytes } from './protocol.js';

const maxHelloBytes = streamHeaderBytes + tokenBytes + 2 * 4 + 2 + maxMigrationIdBytes;

export class Candidate {
  private readonly received = Buffer.from(new ArrayBuffer(maxHelloBytes));
  private receivedBytes = 0;
  /** Of what is due: the header, and then with it the body that it announces. */
  private dueBytes = streamHeaderBytes;

  constructor(
    readonly socket: MessageSocket,
    readonly untilMs: number,
  ) {}

  /** Takes what has come; the HELLO once that is all of it. Never waits. Throws `stream-broken` for anything else. */
  takeHello(): StreamHello | undefined {
    while (this.receivedBytes < this.dueBytes) {
      const takenBytes = this.socket.bytes.take(this.received.subarray(this.receivedBytes, this.dueBytes));
      if (takenBytes === undefined) throw notAHello();
      if (takenBytes === 0) return undefined;
      this.receivedBytes += takenBytes;
      if (this.receivedBytes === streamHeaderBytes) this.dueBytes = this.announcedBytes();
    }
    return decodeHello(this.received.subarray(streamHeaderBytes, this.dueBytes));
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
