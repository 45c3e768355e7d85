/**
 * Reading and writing the fields of one frame's payload, every access checked.
 *
 * A reader throws `bad-frame` with the message's and the field's name; it never reads past the payload and
 * allocates no more than the payload holds. Strings are u16 length and UTF-8; u64 must fit 2^53.
 */
import { PortkeyError } from '../errors/index.js';

export class PayloadReader {
  private at = 0;

  constructor(
    private readonly payload: Buffer,
    private readonly what: string,
  ) {}

  u16(field: string): number {
    return this.payload.readUInt16LE(this.take(2, field));
  }

  u32(field: string): number {
    return this.payload.readUInt32LE(this.take(4, field));
  }

  u64(field: string): number {
    const value = this.payload.readBigUInt64LE(this.take(8, field));
    if (value > BigInt(Number.MAX_SAFE_INTEGER))
      throw this.bad(`${field} is ${value.toString()}, beyond 2^53`);
    return Number(value);
  }

  bytes(length: number, field: string): Buffer {
    const start = this.take(length, field);
    return Buffer.from(this.payload.subarray(start, start + length));
  }

  string(maxBytes: number, field: string): string {
    const length = this.u16(field);
    if (length > maxBytes) throw this.bad(`${field} has ${length} bytes, more than ${maxBytes}`);
    const bytes = this.bytes(length, field);
    const text = bytes.toString('utf8');
    if (Buffer.byteLength(text) !== length || text.includes('\ufffd') || text.includes('\0')) {
      throw this.bad(`${field} is not text`);
    }
    return text;
  }

  /** Everything up to the payload's end. */
  rest(): Buffer {
    const start = this.at;
    this.at = this.payload.length;
    return this.payload.subarray(start);
  }

  end(): void {
    if (this.at !== this.payload.length)
      throw this.bad(`${this.payload.length - this.at} bytes follow its end`);
  }

  bad(problem: string): PortkeyError {
    return new PortkeyError('bad-frame', `${this.what}: ${problem}`);
  }

  private take(length: number, field: string): number {
    const start = this.at;
    if (start + length > this.payload.length) throw this.bad(`too short for ${field}`);
    this.at += length;
    return start;
  }
}

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

/** Throws `invalid-argument` where the text is longer than its field. */
export function string(text: string, maxBytes: number, field: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length > maxBytes) {
    throw new PortkeyError('invalid-argument', `${field} '${text}' is longer than ${maxBytes} bytes`);
  }
  return Buffer.concat([u16(bytes.length), bytes]);
}
