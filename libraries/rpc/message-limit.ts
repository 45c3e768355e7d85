/**
 * How large a message may be, by method: what is larger is refused before it is decoded, since decoded it takes up to a hundred
 * times its size, and whoever sent it may be a VM that is trusted with nothing.
 *
 * 1 MiB, and 16 MiB for what lists or digests the pages of a container (PageList, PageDigests: about seven bytes a run of pages,
 * 80 a region of 2 MiB that has one), and for what a controller tells its operator and he a guest of the test bed. Of such a
 * list only so many elements are decoded, which bounds the objects that it becomes. A number that is none (NaN, an infinity) is
 * refused as well: nothing here has one to say, and it would stay in whatever it is added to.
 *
 * Limits: gRPC holds a message whole before it comes here; what a connection may hold at most, its server or client says by
 * `mostBytesOf`. Packed numbers (the runs of a PageList) are not elements: they become numbers of 8 bytes each, and as many as fit
 * take seconds. 16 MiB are 2.3 million runs: 9 GiB in which every other page is missing, hundreds of GiB as containers are.
 */
import type { ServiceDefinition } from '@grpc/grpc-js';
import protobuf from 'protobufjs/minimal.js';

export type Direction = 'request' | 'answer';

const usualBytes = 2 ** 20;
const listBytes = 16 * 2 ** 20;
/** 2 TiB, if each were a region. */
const mostElements = 2 ** 20;

/** By "Service.Method", or the service where it is all of its methods. */
const lists: Readonly<Record<Direction, readonly string[]>> = {
  request: ['Checkpoint.DigestPages', 'Guest'],
  answer: ['Checkpoint.DigestPages', 'Restore.ListPages', 'Restore.DigestPages', 'Controller', 'Guest'],
};

/** The largest message of any of its methods. */
export function mostBytesOf(service: string, direction: Direction): number {
  const hasList = lists[direction].some((name) => name.split('.')[0] === service);
  return hasList ? listBytes : usualBytes;
}

/** The same service, which throws where it is to decode what is too large. */
export function limited(service: string, definition: ServiceDefinition): ServiceDefinition {
  return Object.fromEntries(
    Object.entries(definition).map(([name, method]) => {
      const { requestDeserialize, responseDeserialize } = method;
      const checked = (direction: Direction, decode: (bytes: Buffer) => object) => {
        const isList = [service, `${service}.${name}`].some((each) => lists[direction].includes(each));
        const what = `${direction === 'request' ? 'a request for' : 'an answer of'} ${service}.${name}`;
        return (bytes: Buffer): object => {
          requireFitting(what, bytes, isList ? listBytes : usualBytes);
          const message = decode(bytes);
          if (!isList) requireFinite(what, message);
          return message;
        };
      };
      return [
        name,
        {
          ...method,
          requestDeserialize: checked('request', requestDeserialize),
          responseDeserialize: checked('answer', responseDeserialize),
        },
      ];
    }),
  );
}

function requireFitting(what: string, bytes: Buffer, mostBytes: number): void {
  if (bytes.length > mostBytes)
    throw new Error(`${what} has ${bytes.length} bytes, and may have ${mostBytes}`);
  if (elementsOf(bytes) > mostElements) throw new Error(`${what} has more than ${mostElements} elements`);
}

/** Messages are as deep as their types, none of which has itself in it. */
function requireFinite(what: string, value: unknown): void {
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new Error(`${what} has ${value} for a number`);
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return;
  for (const part of Object.values(value)) requireFinite(what, part);
}

/** Of the message itself, not of those within it. Throws where it is none. */
function elementsOf(bytes: Buffer): number {
  const reader = protobuf.Reader.create(bytes);
  let count = 0;
  for (; reader.pos < reader.len; count++) reader.skipType(reader.uint32() & 7);
  return count;
}
