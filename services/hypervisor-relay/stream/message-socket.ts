/**
 * A blocking socket that speaks the stream's messages: whole headers and bodies in, encoded messages out.
 */
import { closeSync } from 'node:fs';

import { asPortkeyError, PortkeyError } from '../../../libraries/errors/index.js';
import { errorNumbers, type WireErrorCode } from '../../../libraries/hypercall/index.js';
import { IoVector, shutdownSocket } from '../../../libraries/libc/index.js';
import { refusedBody } from './bodies.js';
import type { ByteSocket } from './byte-socket.js';
import {
  decodeHeader,
  encodeMessage,
  maxBodyBytes,
  streamHeaderBytes,
  type StreamHeader,
} from './protocol.js';

export interface ReceivedMessage extends StreamHeader {
  readonly body: Buffer;
}

export class MessageSocket {
  private readonly header = Buffer.from(new ArrayBuffer(streamHeaderBytes));
  private readonly body = Buffer.from(new ArrayBuffer(maxBodyBytes));
  private readonly vector = new IoVector();

  constructor(readonly bytes: ByteSocket) {}

  get fd(): number {
    return this.bytes.fd;
  }

  /** Blocks for the next header and body; the body is good until the next call. Undefined at the stream's end. */
  receive(): ReceivedMessage | undefined {
    if (!this.bytes.receive(this.header, streamHeaderBytes)) return undefined;
    const header = decodeHeader(this.header);
    if (header.bodyBytes > 0 && !this.bytes.receive(this.body, header.bodyBytes)) {
      throw new PortkeyError(
        'stream-broken',
        'the stream between the relays ended in the middle of a message',
      );
    }
    return { ...header, body: this.body.subarray(0, header.bodyBytes) };
  }

  send(message: Buffer): void {
    this.vector.addBuffer(message);
    this.bytes.send(this.vector);
  }

  /** Says why, as well as it can, because the peer may be gone; then ends the connection. */
  refuse(thrown: unknown): void {
    const { code, message } = asPortkeyError(thrown);
    try {
      this.send(encodeMessage('refused', 0, refusedBody(isWireCode(code) ? code : 'internal', message)));
    } catch {
      // It is gone, and knows.
    }
    shutdownSocket(this.fd);
  }

  /** Refuses, and frees everything with the descriptor: nobody else may use it. */
  turnAway(thrown: unknown): void {
    this.refuse(thrown);
    this.bytes.free();
    closeSync(this.fd);
  }
}

function isWireCode(code: string): code is WireErrorCode {
  return Object.hasOwn(errorNumbers, code);
}
