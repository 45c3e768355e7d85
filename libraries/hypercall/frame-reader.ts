/**
 * Bytes as they arrive, in any pieces → frames. Throws `bad-frame`, naming what is wrong, and is dead after that.
 *
 * States: *synchronizing* → *aligned*. A port that is opened may still hold the rest of an earlier conversation,
 * and its first bytes may be the tail of a torn frame: so bytes up to the first magic number are skipped, at most
 * one frame's worth, and the first frame may have any sequence. Once aligned, every byte counts: sequences go up
 * by one, and a frame of another sequence is bad unless it is a conversation's first (sequence 0 of a type that
 * can start one).
 *
 * Limits: memory is bounded by one frame whatever arrives, because the length is checked before the payload is
 * waited for. A magic number inside a torn frame's tail would be taken for a header; what follows then fails
 * the checks, the port is closed and opened again.
 */
import { PortkeyError } from '../errors/index.js';
import { decodePayload, messageTypeOf } from './codec.js';
import { headerBytes, magic, maxFrameBytes, maxPayloadBytes, protocolVersion } from './limits.js';
import type { Frame, MessageType } from './messages.js';

const startsConversation: ReadonlySet<MessageType> = new Set(['hello', 'hello-ok', 'error']);
const magicBytes = Buffer.from('PKHC');

export class FrameReader {
  private buffered: Buffer = Buffer.alloc(0);
  private aligned = false;
  private skipped = 0;
  private expected: number | undefined;

  /** Bytes of a frame that is not whole yet. */
  get keptBytes(): number {
    return this.buffered.length;
  }

  /** The frames that these bytes complete, in order. What came before a bad frame is yielded before it throws. */
  *push(bytes: Buffer): Generator<Frame, void, undefined> {
    this.buffered = this.buffered.length === 0 ? bytes : Buffer.concat([this.buffered, bytes]);
    for (;;) {
      if (!this.aligned && !this.synchronize()) break;
      const frame = this.take();
      if (frame === undefined) break;
      yield frame;
    }
    // A copy, so that a few bytes do not hold a large read buffer.
    this.buffered = Buffer.from(this.buffered);
  }

  private synchronize(): boolean {
    const at = this.buffered.indexOf(magicBytes);
    const skip = at >= 0 ? at : Math.max(0, this.buffered.length - (magicBytes.length - 1));
    this.skipped += skip;
    this.buffered = this.buffered.subarray(skip);
    if (this.skipped > maxFrameBytes) {
      throw new PortkeyError('bad-frame', `no frame begins in the first ${maxFrameBytes} bytes of the port`);
    }
    this.aligned = at >= 0;
    return this.aligned;
  }

  private take(): Frame | undefined {
    if (this.buffered.length < headerBytes) return undefined;
    const { type, payloadBytes, sequence } = this.header();
    const end = headerBytes + payloadBytes;
    if (this.buffered.length < end) return undefined;
    this.checkSequence(type, sequence);
    const message = decodePayload(type, this.buffered.subarray(headerBytes, end));
    this.buffered = this.buffered.subarray(end);
    this.expected = (sequence + 1) >>> 0;
    return { sequence, message };
  }

  private header(): { type: MessageType; payloadBytes: number; sequence: number } {
    const header = this.buffered;
    const found = header.readUInt32LE(0);
    if (found !== magic) throw bad(`a frame begins with 0x${found.toString(16)}, not with PKHC`);
    const version = header.readUInt16LE(4);
    if (version !== protocolVersion) {
      throw bad(`protocol version ${version}; this side speaks ${protocolVersion}: update the older one`);
    }
    const type = messageTypeOf(header.readUInt16LE(6));
    if (type === undefined) throw bad(`unknown frame type ${header.readUInt16LE(6)}`);
    const payloadBytes = header.readUInt32LE(8);
    if (payloadBytes > maxPayloadBytes) {
      throw bad(`${type.toUpperCase()} of ${payloadBytes} bytes; ${maxPayloadBytes} are allowed`);
    }
    const reserved = header.readBigUInt64LE(16);
    if (reserved !== 0n) throw bad(`the header's reserved field is ${reserved.toString()}, not 0`);
    return { type, payloadBytes, sequence: header.readUInt32LE(12) };
  }

  private checkSequence(type: MessageType, sequence: number): void {
    if (this.expected === undefined || sequence === this.expected) return;
    if (sequence === 0 && startsConversation.has(type)) return;
    throw bad(`${type.toUpperCase()} has sequence ${sequence}; ${this.expected} was next`);
  }
}

function bad(problem: string): PortkeyError {
  return new PortkeyError('bad-frame', problem);
}
