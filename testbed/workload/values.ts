/**
 * The values that the workload writes: recomputable from the key's number and the version.
 *
 * Layout: u32 LE key, u32 LE version, then pseudo-random words seeded by both. The header says which version a
 * value claims to be; the rest proves it, because every byte depends on it. Random words keep pages from being
 * alike, so nothing on the way can compress or merge them.
 *
 * Size: Redis keeps a string of this length in one allocation of exactly 4096 bytes (value, its 5-byte header and
 * a NUL fit), so "256M of values" is 256 MiB of Redis's memory, not 320 as with 4096-byte values.
 */
export const VALUE_BYTES = 4080;

/** What one key costs in Redis's memory, index entries aside. */
export const KEY_MEMORY_BYTES = 4096;

const headerWords = 2;
const scratch = new Uint32Array(VALUE_BYTES / 4);

/** The value of `key` (a number below 2^32) at `version`, in a buffer of its own. */
export function valueOf(key: number, version: number): Buffer {
  scratch[0] = key;
  scratch[1] = version;
  let state = seed(key, version);
  for (let index = headerWords; index < scratch.length; index += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    scratch[index] = state;
  }
  return Buffer.from(new Uint8Array(scratch.buffer));
}

/** The version that a value claims to be, or undefined if it cannot be a value of `key` at all. */
export function claimedVersion(key: number, value: Buffer): number | undefined {
  if (value.length !== VALUE_BYTES || value.readUInt32LE(0) !== key) return undefined;
  return value.readUInt32LE(4);
}

/** A non-zero 32-bit seed (xorshift stays at zero for ever), different for neighbouring keys and versions. */
function seed(key: number, version: number): number {
  let hash = Math.imul(key + 1, 0x9e3779b1) ^ Math.imul(version + 1, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  hash ^= hash >>> 15;
  return hash === 0 ? 1 : hash;
}
