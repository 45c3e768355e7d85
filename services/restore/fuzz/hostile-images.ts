/**
 * CRIU images as a hostile VM may write them: of the right form with numbers that lie, or of no form at all. CRIU's own
 * encoders, and this project's, cannot write most of these.
 */
import { encodeImage, magic } from '../../../libraries/criu-images/image-file.js';
import { encodeInventory } from '../../../libraries/criu-images/index.js';
import { mutate, type Random } from '../../../libraries/fuzzing/index.js';

const addresses: readonly [bigint, ...bigint[]] = [
  0n,
  0x1000n,
  0x1001n,
  0x1fffffn,
  0x200000n,
  0x400000n,
  0x7ffff0000000n,
  2n ** 47n - 4096n,
  2n ** 47n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 4096n,
  2n ** 64n - 1n,
];
const counts: readonly [bigint, ...bigint[]] = [
  0n,
  1n,
  2n,
  3n,
  513n,
  2n ** 20n,
  2n ** 31n,
  2n ** 35n,
  2n ** 35n + 1n,
  2n ** 52n,
  2n ** 60n,
  2n ** 64n - 1n,
];
const ids: readonly [bigint, ...bigint[]] = [
  1n,
  1n,
  1n,
  3n,
  7n,
  0n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 64n - 1n,
];
/** PE_PARENT, PE_LAZY, PE_PRESENT, together and none. */
const flags: readonly [bigint, ...bigint[]] = [1n, 4n, 4n, 6n, 5n, 0n, 2n ** 32n, 2n ** 64n - 1n];

/** A varint field of a protobuf message, of any size. */
export function field(number: number, value: bigint): Buffer {
  return Buffer.concat([varint(BigInt(number) << 3n), varint(value)]);
}

/** A field of bytes, whose length may be another one. */
export function bytesField(number: number, content: Buffer, byteLength = content.length): Buffer {
  return Buffer.concat([varint((BigInt(number) << 3n) | 2n), varint(BigInt(byteLength)), content]);
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

export function hostilePagemap(random: Random): Buffer {
  let address = 0x1000n * BigInt(random.below(4));
  const records = Array.from({ length: random.below(5) }, () => {
    if (random.once(4)) address = random.pick(addresses);
    const pageCount = random.once(3) ? random.pick(counts) : BigInt(1 + random.below(3));
    const parts = [field(1, address)];
    address += pageCount * 0x1000n;
    // The field of CRIU 4.2 is the fifth one.
    if (!random.once(10)) parts.push(field(random.once(4) ? 5 : 2, pageCount));
    if (!random.once(10)) parts.push(field(4, random.pick(flags)));
    if (random.once(20)) parts.push(random.bytes(1 + random.below(8)));
    if (random.once(10)) parts.reverse();
    return Buffer.concat(parts);
  });
  const head = random.once(20) ? Buffer.alloc(0) : field(1, random.pick(ids));
  return encodeImage([magic.common, magic.pagemap], [head, ...records]);
}

export function hostileTree(random: Random): Buffer {
  const records = Array.from({ length: random.below(4) }, () => {
    const threads = Array.from({ length: random.once(100) ? 3_000 : random.below(4) }, () =>
      field(5, random.pick(ids)),
    );
    return Buffer.concat([field(1, random.pick(ids)), ...threads]);
  });
  return encodeImage([magic.common, magic.pstree], records);
}

export function hostileCore(random: Random): Buffer {
  const area = Buffer.concat([field(1, random.pick(addresses)), field(2, random.pick(counts))]);
  const lie = (length: number): number =>
    random.once(6) ? random.number([0, 2 ** 31, 2 ** 32 - 1]) : length;
  const thread = Buffer.concat([field(1, 5n), bytesField(15, area, lie(area.length))]);
  const record = Buffer.concat([field(1, 1n), bytesField(5, thread, lie(thread.length))]);
  return encodeImage([magic.common, magic.core], random.once(10) ? [] : [record]);
}

/** `stats-dump`. */
export function hostileStats(random: Random): Buffer {
  const dump = Buffer.concat([field(6, random.pick(counts)), field(7, random.pick(counts))]);
  const length = random.once(4) ? random.number([0, 2 ** 31, 2 ** 32 - 1]) : dump.length;
  return encodeImage([magic.service, magic.stats], random.once(10) ? [] : [bytesField(1, dump, length)]);
}

export function hostileImage(random: Random): Buffer {
  switch (random.below(8)) {
    case 0:
    case 1:
    case 2:
      return hostilePagemap(random);
    case 3:
      return hostileTree(random);
    case 4:
      return hostileCore(random);
    case 5:
      return hostileStats(random);
    case 6:
      return encodeInventory(random.u32());
    default:
      // Records without end, or groups within groups.
      return Buffer.concat([
        hostilePagemap(random),
        Buffer.alloc(random.below(4096), random.pick([0, 0x0b, 0xff])),
      ]);
  }
}

/** An image that was changed somewhere, or another one. */
export function changeImage(from: Buffer, other: Buffer, random: Random): Buffer {
  return random.once(4) ? hostileImage(random) : mutate(from, other, random).subarray(0, maxImageBytes);
}

/** So that changes do not make them longer without end. */
const maxImageBytes = 16 * 1024;
