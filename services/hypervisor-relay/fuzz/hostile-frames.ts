/**
 * Frames as a hostile guest may write them: any type, any payload, any sequence. The relay's own encoder refuses most of
 * these.
 */
import type { Random } from '../../../libraries/fuzzing/index.js';
import {
  headerBytes,
  magic,
  maxObjects,
  maxPagesPerRun,
  maxPagesPerSend,
  nonceBytes,
  protocolVersion,
  u32,
  wholeChannel,
} from '../../../libraries/hypercall/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import type { RamSection } from '../ram/ram-map.js';
import { maxObjectPages } from '../stream/bodies.js';

export function frameOf(type: number, sequence: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(headerBytes);
  head.writeUInt32LE(magic, 0);
  head.writeUInt16LE(protocolVersion, 4);
  head.writeUInt16LE(type, 6);
  head.writeUInt32LE(payload.length, 8);
  head.writeUInt32LE(sequence, 12);
  return Buffer.concat([head, payload]);
}

/** The nonce is where it says, or it lies: in the address, in the nonce, in the agent, in the page size. */
export function helloPayload(nonceAddress: number, nonce: Buffer, agent: number, random: Random): Buffer {
  const fixed = Buffer.alloc(22);
  fixed.writeBigUInt64LE(BigInt(nonceAddress), 0);
  fixed.writeBigUInt64LE(BigInt(random.number([0, 2 ** 31, 2 ** 32])), 8);
  fixed.writeUInt32LE(random.once(4) ? random.u32() : PAGE_BYTES, 16);
  fixed.writeUInt16LE(agent, 20);
  return Buffer.concat([fixed, nonce.subarray(0, nonceBytes), text('6.12')]);
}

export function openPayload(object: number, migrationId: string, name: string): Buffer {
  return Buffer.concat([u32(object), text(migrationId), text(name)]);
}

/** Few objects, so that they meet; and numbers that mean something else. */
export function anyObject(random: Random): number {
  return random.once(8) ? random.pick([0, maxObjects, wholeChannel, wholeChannel - 1]) : 1 + random.below(4);
}

/** Runs at, over and beyond the borders of the RAM; unaligned cannot be said; overlaps are, often. */
export function runsPayload(
  object: number,
  sections: readonly RamSection[],
  isDrop: boolean,
  random: Random,
): Buffer {
  // Long lists are slow to make, and only their length is new.
  const count = random.once(400) ? random.pick([0, 2046, 2047, 2048]) : 1 + random.below(4);
  const borders: number[] = sections.flatMap(({ guestAddress, byteLength }) => [
    guestAddress / PAGE_BYTES,
    (guestAddress + byteLength) / PAGE_BYTES,
  ]);
  const pfns: [number, ...number[]] = [0, ...borders, 2 ** 20, 2 ** 40 - 1];
  const runs = Buffer.alloc(count * 16);
  for (let index = 0; index < count; index += 1) {
    const at = index * 16;
    const inside = sections[random.below(sections.length)];
    const isPlain = !random.once(6) && inside !== undefined;
    const pfn =
      isDrop && !random.once(20)
        ? 0
        : isPlain
          ? inside.guestAddress / PAGE_BYTES + random.below(4)
          : random.number(pfns);
    const pages = isPlain ? 1 + random.below(3) : random.number([0, 1, 4, maxPagesPerSend, maxPagesPerRun]);
    const page = isPlain ? random.below(16) : random.number([0, maxObjectPages, 2 ** 52 - 1, 2 ** 32]);
    runs.writeUInt32LE(pfn % 2 ** 32, at);
    runs.writeUInt32LE((((pages & 0xffffff) << 8) | (Math.floor(pfn / 2 ** 32) & 0xff)) >>> 0, at + 4);
    runs.writeUInt32LE(page % 2 ** 32, at + 8);
    runs.writeUInt32LE(Math.floor(page / 2 ** 32) >>> 0, at + 12);
  }
  return Buffer.concat([u32(object), u32(random.once(30) ? random.u32() : count), runs]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(2);
  length.writeUInt16LE(bytes.length);
  return Buffer.concat([length, bytes]);
}
