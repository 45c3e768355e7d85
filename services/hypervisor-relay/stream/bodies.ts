/**
 * The bodies of the stream's messages: fields in, bytes out, and back. docs/hypercalls.md has them.
 *
 * Decoders throw `stream-broken`, naming what is wrong, and check what a field may be before anything is made of it.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import {
  errorNumbers,
  maxMigrationIdBytes,
  maxObjectNameBytes,
  maxPageIndex,
  maxPagesPerSend,
  PayloadReader,
  textField,
  u32,
  u64,
  type WireErrorCode,
} from '../../../libraries/hypercall/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import type { PageRange } from '../ram/zero-pages.js';
import { broken } from './protocol.js';

export const tokenBytes = 32;
/** Of one migration. Each takes a thread at either end. */
export const maxStreams = 8;
/**
 * Highest number of pages an object may span: 2^53 bytes, which is 64 times the user addresses of a machine with four
 * page-table levels. A place beyond that Node takes for none, and writes where the file's descriptor stands.
 */
export const maxObjectPages = 2 ** 41;
const maxTextBytes = 1024;

/** What a connection says of itself. */
export interface StreamHello {
  readonly token: Buffer;
  readonly migrationId: string;
  /** Which of the migration's streams this is, from 0 on, and how many there are. */
  readonly stream: number;
  readonly streamCount: number;
}

export function helloBody({ token, migrationId, stream, streamCount }: StreamHello): Buffer[] {
  return [token, u32(stream), u32(streamCount), textField(migrationId, maxMigrationIdBytes, 'migration id')];
}

/** Also checks that it is one of at most `maxStreams`. */
export function decodeHello(body: Buffer): StreamHello {
  const hello = decode(body, 'hello', (reader) => ({
    token: reader.bytes(tokenBytes, 'token'),
    stream: reader.u32('stream'),
    streamCount: reader.u32('stream count'),
    migrationId: reader.string(maxMigrationIdBytes, 'migration id'),
  }));
  const { stream, streamCount } = hello;
  if (stream < streamCount && streamCount <= maxStreams) return hello;
  throw broken(`stream ${stream} of ${streamCount}; a migration has at most ${maxStreams}`);
}

export function objectBody(object: number, name: string): Buffer[] {
  return [u32(object), textField(name, maxObjectNameBytes, 'object name')];
}

export function decodeObject(body: Buffer): { object: number; name: string } {
  return decode(body, 'object', (reader) => ({
    object: reader.u32('object'),
    name: reader.string(maxObjectNameBytes, 'object name'),
  }));
}

/** Of BATCH, ZERO and DROP. */
export function rangesBody(object: number, ranges: readonly PageRange[]): Buffer[] {
  const table = Buffer.alloc(8 + ranges.length * 12);
  table.writeUInt32LE(object, 0);
  table.writeUInt32LE(ranges.length, 4);
  ranges.forEach(({ page, count }, index) => {
    table.writeBigUInt64LE(BigInt(page), 8 + index * 12);
    table.writeUInt32LE(count, 16 + index * 12);
  });
  return [table];
}

/** Of BATCH, ZERO and DROP. Checks that the ranges are as many pages as a SEND can have, and where they may be. */
export function decodeRanges(body: Buffer): { object: number; ranges: PageRange[]; pageCount: number } {
  const { object, ranges } = decode(body, 'ranges', (reader) => {
    const object = reader.u32('object');
    const count = reader.u32('range count');
    const ranges: PageRange[] = [];
    for (let index = 0; index < count; index += 1) {
      ranges.push({ page: reader.u64('page'), count: reader.u32('count') });
    }
    return { object, ranges };
  });
  const pageCount = ranges.reduce((sum, { count }) => sum + count, 0);
  if (pageCount > maxPagesPerSend) throw broken(`a batch of ${pageCount} pages`);
  const empty = ranges.find(({ count }) => count === 0);
  if (empty !== undefined) throw broken(`a range of 0 pages from page ${empty.page} on`);
  if (ranges.some(({ page, count }) => page > maxPageIndex || page + count > maxObjectPages)) {
    throw broken(`a batch with pages beyond ${maxObjectPages}`);
  }
  return { object, ranges, pageCount };
}

/** Also checks that the content is as long as the ranges say. */
export function decodeBatch(body: Buffer, contentBytes: number): { object: number; ranges: PageRange[] } {
  const { pageCount, ...batch } = decodeRanges(body);
  if (pageCount * PAGE_BYTES === contentBytes) return batch;
  throw broken(`a batch of ${pageCount} pages with ${contentBytes} bytes of content`);
}

export function closeBody(object: number): Buffer[] {
  return [u32(object)];
}

export function decodeClose(body: Buffer): { object: number } {
  return decode(body, 'close', (reader) => ({ object: reader.u32('object') }));
}

export function fileBody(name: string): Buffer[] {
  return [textField(name, maxObjectNameBytes, 'file name')];
}

export function decodeFile(body: Buffer): { name: string } {
  return decode(body, 'file', (reader) => ({ name: reader.string(maxObjectNameBytes, 'file name') }));
}

export function landedBody(bytes: number): Buffer[] {
  return [u64(bytes)];
}

export function decodeLanded(body: Buffer): { bytes: number } {
  return decode(body, 'landed', (reader) => ({ bytes: reader.u64('bytes') }));
}

export function refusedBody(code: WireErrorCode, text: string): Buffer[] {
  const bytes = Buffer.from(text).subarray(0, maxTextBytes);
  return [u32(errorNumbers[code]), u32(bytes.length), bytes];
}

export function decodeRefused(body: Buffer): { code: WireErrorCode; text: string } {
  return decode(body, 'refused', (reader) => {
    const number = reader.u32('code');
    const length = reader.u32('text length');
    const codes = Object.keys(errorNumbers) as WireErrorCode[];
    return {
      code: codes.find((code) => errorNumbers[code] === number) ?? 'internal',
      text: reader.bytes(length, 'text').toString(),
    };
  });
}

function decode<T>(body: Buffer, what: string, read: (reader: PayloadReader) => T): T {
  try {
    const reader = new PayloadReader(body, what);
    const value = read(reader);
    reader.end();
    return value;
  } catch (error) {
    if (error instanceof PortkeyError) throw broken(error.message);
    throw error;
  }
}
