/**
 * Messages → frames of one direction of a port, numbered from 0.
 *
 * A conversation's first frame has sequence 0; `restart` begins a new one.
 */
import { encodePayload } from './codec.js';
import { headerBytes, magic, protocolVersion } from './limits.js';
import { frameTypes, type Message } from './messages.js';

export interface EncodedFrame {
  readonly sequence: number;
  readonly bytes: Buffer;
}

export class FrameWriter {
  private next = 0;

  /** Frames written in this conversation. */
  get frames(): number {
    return this.next;
  }

  restart(): void {
    this.next = 0;
  }

  /** Throws `invalid-argument` where a value does not fit its field; the number is not used up then. */
  encode(message: Message): EncodedFrame {
    const payload = encodePayload(message);
    const header = Buffer.alloc(headerBytes);
    header.writeUInt32LE(magic, 0);
    header.writeUInt16LE(protocolVersion, 4);
    header.writeUInt16LE(frameTypes[message.type], 6);
    header.writeUInt32LE(payload.length, 8);
    header.writeUInt32LE(this.next, 12);
    const sequence = this.next;
    this.next = (this.next + 1) >>> 0;
    return { sequence, bytes: Buffer.concat([header, payload]) };
  }
}
