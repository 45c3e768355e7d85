/**
 * One change to bytes, of the kinds that find most in parsers: bits, whole fields, lengths, pieces that are missing, doubled,
 * or of another input (as AFL's "havoc" stage does it).
 */
import type { Random } from './random.js';

const fields = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff] as const;

/** A changed copy. `other` is what a piece may be taken from. */
export function mutate(bytes: Buffer, other: Buffer, random: Random): Buffer {
  const changed = Buffer.from(bytes);
  if (changed.length < 8) return Buffer.concat([changed, random.bytes(1 + random.below(16))]);
  const at = random.below(changed.length - 4);
  const length = 1 + random.below(Math.min(64, changed.length - at));
  switch (random.below(9)) {
    case 0:
      changed.writeUInt8(changed.readUInt8(at) ^ (1 << random.below(8)), at);
      return changed;
    case 1:
      changed.writeUInt8(random.below(256), at);
      return changed;
    case 2:
      changed.writeUInt16LE(random.pick(fields) & 0xffff, at);
      return changed;
    case 3:
      changed.writeUInt32LE(random.pick(fields), at);
      return changed;
    case 4:
      changed.writeUInt32LE((changed.readUInt32LE(at) + random.below(5) - 2) >>> 0, at);
      return changed;
    case 5:
      return Buffer.concat([changed.subarray(0, at), changed.subarray(at + length)]);
    case 6:
      return Buffer.concat([changed.subarray(0, at + length), changed.subarray(at)]);
    case 7:
      return changed.subarray(0, at);
    default: {
      const from = random.below(other.length);
      return Buffer.concat([
        changed.subarray(0, at),
        other.subarray(from, from + length),
        changed.subarray(at),
      ]);
    }
  }
}
