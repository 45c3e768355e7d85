/**
 * The fields of a record, which is a protobuf message, without a schema of it.
 *
 * Records come from another VM. Those that are no messages are `internal`, with the name of their file; what is kept of one
 * is at most a number for each field that CRIU's messages could have here, however many there are in it. The package's reader
 * takes zero bytes for fields with the number 0, and skips them one by one, within groups as well: a hole in a file has
 * millions of those at no cost to its sender. No message has such a field, and none of CRIU's a group.
 */
import protobuf from 'protobufjs/minimal.js';

import { asPortkeyError, PortkeyError } from '../errors/index.js';

/** Higher ones than any that is asked for; those are skipped. */
const maxFieldNumber = 15;
/** Wire types of protobuf. */
const [startGroup, endGroup] = [3, 4];

/**
 * Goes through the fields. `take` reads the value of those that it wants, and says so. Throws `internal` where they are none;
 * `name` is that of the file.
 */
export function eachField(
  name: string,
  message: Uint8Array,
  take: (tag: number, reader: protobuf.Reader) => boolean,
): void {
  const reader = new protobuf.Reader(message);
  try {
    while (reader.pos < reader.len) {
      const start = reader.pos;
      const tag = reader.uint32();
      const type = tag & 7;
      if (tag >>> 3 === 0) throw new Error(`it has a field 0, at byte ${start}`);
      if (type === startGroup || type === endGroup) throw new Error(`it has a group, at byte ${start}`);
      if (!take(tag, reader)) reader.skipType(type);
    }
  } catch (cause) {
    if (cause instanceof PortkeyError) throw cause;
    const { message: reason } = asPortkeyError(cause);
    throw new PortkeyError('internal', `${name} holds a record that cannot be read: ${reason}`, { cause });
  }
}

/** The varint fields, by number; of one that comes twice the last, as protobuf has it. */
export function numbersIn(name: string, message: Uint8Array): Map<number, number> {
  const values = new Map<number, number>();
  eachField(name, message, (tag, reader) => {
    if ((tag & 7) !== 0 || tag >>> 3 > maxFieldNumber) return false;
    // uint64 is a number or, where the package `long` is installed, a Long; Number takes both.
    values.set(tag >>> 3, Number(reader.uint64()));
    return true;
  });
  return values;
}

/** The message in this field, the first where there are several. */
export function messageIn(name: string, message: Uint8Array, field: number): Uint8Array | undefined {
  let found: Uint8Array | undefined;
  eachField(name, message, (tag, reader) => {
    if (tag !== field * 8 + 2 || found !== undefined) return false;
    found = reader.bytes();
    return true;
  });
  return found;
}
