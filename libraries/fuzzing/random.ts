/**
 * Chance that can be repeated: the same seed gives the same cases (mulberry32, by Tommy Ettinger, in the public domain).
 *
 * Not for secrets.
 */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  u32(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** 0 ≤ n < limit. */
  below(limit: number): number {
    return Math.floor((this.u32() / 2 ** 32) * limit);
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(values: readonly [T, ...T[]]): T {
    return values[this.below(values.length)] ?? values[0];
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let at = 0; at < length; at += 1) bytes[at] = this.u32() & 0xff;
    return bytes;
  }

  /** Around the limits where comparisons go wrong, and now and then anything. */
  number(limits: readonly [number, ...number[]]): number {
    return this.once(6) ? this.below(2 ** 32) : Math.max(0, this.pick(limits) + this.below(3) - 1);
  }
}
