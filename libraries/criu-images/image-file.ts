/**
 * The frame that all of CRIU's protobuf images share: two magic numbers, then records of u32 length + protobuf,
 * all little-endian (CRIU: criu/image.c, criu/protobuf.c, criu/include/magic.h).
 *
 * `inventory.img` has one magic only: it is older than the common one.
 */
import { PortkeyError } from '../errors/index.js';

export const magic = {
  common: 0x54564319,
  service: 0x55105940,
  pagemap: 0x56084025,
  inventory: 0x58313116,
  pstree: 0x50273030,
  core: 0x55053847,
  stats: 0x57093306,
} as const;

export function encodeImage(magics: readonly number[], records: readonly Uint8Array[]): Buffer {
  const head = Buffer.alloc(4 * magics.length);
  magics.forEach((value, index) => head.writeUInt32LE(value, 4 * index));
  const parts: Uint8Array[] = [head];
  for (const record of records) {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(record.length);
    parts.push(length, record);
  }
  return Buffer.concat(parts);
}

/**
 * The records of an image, one after another, so that a file of many small ones takes no more memory than itself. None is
 * empty: each of these kinds has a field that must be there, and a hole in a file reads as empty records without end. Throws
 * `internal` where magic or lengths do not fit; `name` is for the message.
 */
export function* decodeImage(name: string, content: Buffer, magics: readonly number[]): Generator<Buffer> {
  const headBytes = 4 * magics.length;
  const matches =
    content.length >= headBytes && magics.every((value, index) => content.readUInt32LE(4 * index) === value);
  if (!matches) throw new PortkeyError('internal', `${name} is not the CRIU image that its name says`);
  for (let offset = headBytes; offset < content.length;) {
    const start = offset + 4;
    const length = start <= content.length ? content.readUInt32LE(offset) : Infinity;
    if (start + length > content.length)
      throw new PortkeyError('internal', `${name} is cut off at byte ${offset}`);
    if (length === 0) throw new PortkeyError('internal', `${name} has an empty record at byte ${offset}`);
    yield content.subarray(start, start + length);
    offset = start + length;
  }
}

/** The first record of an image, whose others must be whole as well. Throws `internal`, also where there is none. */
export function firstRecord(name: string, content: Buffer, magics: readonly number[]): Buffer {
  let first: Buffer | undefined;
  for (const record of decodeImage(name, content, magics)) first ??= record;
  if (first === undefined) throw new PortkeyError('internal', `${name} holds no record`);
  return first;
}
