/**
 * The stream between two relays: one TCP connection, or several that share a migration's pages (stripes.ts).
 * docs/hypercalls.md has its bytes.
 *
 * Source → destination: HELLO, then OBJECT, BATCH, ZERO, DROP, CLOSE and FILE in any order, then END. Destination → source: WELCOME
 * (the answer to HELLO), LANDED (all messages up to a sequence are in their files), REFUSED (why the stream ends).
 * A message is a header of 32 bytes, a body (bodies.ts), and for BATCH and FILE the content. The source hands it on
 * by address (page-writer.ts), to the kernel or, with TLS, to be gathered and encrypted (tls-socket.ts); but has looked for
 * zero pages before (../ram/zero-pages.ts): at the first 16 bytes of each page in JavaScript, and at a copy of those that
 * begin with zeroes. The destination copies it through one buffer of 256 KiB (socket-content.ts); no loop of JavaScript goes
 * over its bytes.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';

const streamMagic = 0x54534b50; // "PKST" as bytes
export const streamVersion = 4;
export const streamHeaderBytes = 32;
/** Holds the ranges of a SEND in which every second page is zero. */
export const maxBodyBytes = 128 * 1024;
const maxFileBytes = 2 ** 40;

const streamTypes = {
  hello: 1,
  object: 2,
  batch: 3,
  file: 4,
  end: 5,
  close: 6,
  zero: 7,
  drop: 8,
  welcome: 129,
  landed: 130,
  refused: 131,
} as const;
export type StreamType = keyof typeof streamTypes;

export interface StreamHeader {
  readonly type: StreamType;
  readonly sequence: number;
  readonly bodyBytes: number;
  readonly contentBytes: number;
}

export function encodeMessage(
  type: StreamType,
  sequence: number,
  body: readonly Buffer[] = [],
  contentBytes = 0,
): Buffer {
  const bodyBytes = body.reduce((sum, part) => sum + part.length, 0);
  // Its own memory, because an I/O vector needs an address that stays.
  const message = Buffer.from(new ArrayBuffer(streamHeaderBytes + bodyBytes));
  message.writeUInt32LE(streamMagic, 0);
  message.writeUInt16LE(streamVersion, 4);
  message.writeUInt16LE(streamTypes[type], 6);
  message.writeUInt32LE(sequence, 8);
  message.writeUInt32LE(bodyBytes, 12);
  message.writeBigUInt64LE(BigInt(contentBytes), 16);
  let at = streamHeaderBytes;
  for (const part of body) at += part.copy(message, at);
  return message;
}

/** Throws `stream-broken`, naming what is wrong. */
export function decodeHeader(header: Buffer): StreamHeader {
  if (header.readUInt32LE(0) !== streamMagic) throw broken('a message does not begin with PKST');
  const version = header.readUInt16LE(4);
  if (version !== streamVersion) {
    throw broken(
      `the other relay speaks version ${version}, this one ${streamVersion}: update the older one`,
    );
  }
  const number = header.readUInt16LE(6);
  const type = (Object.keys(streamTypes) as StreamType[]).find((name) => streamTypes[name] === number);
  if (type === undefined) throw broken(`unknown message type ${number}`);
  const bodyBytes = header.readUInt32LE(12);
  if (bodyBytes > maxBodyBytes) throw broken(`a ${type} message with a body of ${bodyBytes} bytes`);
  const contentBytes = header.readBigUInt64LE(16);
  if (contentBytes > maxFileBytes)
    throw broken(`a ${type} message with ${contentBytes.toString()} bytes of content`);
  if (header.readBigUInt64LE(24) !== 0n) throw broken('the reserved field of a header is not 0');
  return { type, sequence: header.readUInt32LE(8), bodyBytes, contentBytes: Number(contentBytes) };
}

/** What a message says that no relay of this version would send. */
export function broken(problem: string): PortkeyError {
  return new PortkeyError('stream-broken', `the stream between the relays is broken: ${problem}`);
}
