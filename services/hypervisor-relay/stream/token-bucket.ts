/**
 * Holds senders to a rate together: each piece gets a place in time, one after the other.
 *
 * Bytes are paid for in time. Time that went unused, because the machine was late, is saved for at most `savedMs`,
 * so that over any second the rate is exceeded by no more than that share of it. The one value is in memory that the
 * threads of several streams share: whoever takes a place moves it on for all, by compare-and-exchange.
 */
const savedMs = 50;
const pieceMs = 20;

export class TokenBucket {
  /** When the next place begins, in nanoseconds of the clock that all threads read. */
  private readonly freeAtNs: BigInt64Array;

  /** 0 bytes per second: no limit. */
  constructor(
    private readonly bytesPerSecond: number,
    readonly shared = new SharedArrayBuffer(8),
  ) {
    this.freeAtNs = new BigInt64Array(shared);
  }

  /** The largest piece to send at once, so that the stream is even. */
  get pieceBytes(): number {
    if (this.bytesPerSecond === 0) return Number.POSITIVE_INFINITY;
    return Math.max(4096, Math.floor((this.bytesPerSecond * pieceMs) / 1000));
  }

  /** Takes a place for so many bytes, and returns the time at which they may be sent: now, or later. */
  take(byteLength: number, nowMs: number): number {
    if (this.bytesPerSecond === 0) return nowMs;
    const costNs = nanoseconds((byteLength / this.bytesPerSecond) * 1000);
    const earliestNs = nanoseconds(nowMs - savedMs);
    for (;;) {
      const freeAtNs = Atomics.load(this.freeAtNs, 0);
      const atNs = freeAtNs > earliestNs ? freeAtNs : earliestNs;
      if (Atomics.compareExchange(this.freeAtNs, 0, freeAtNs, atNs + costNs) === freeAtNs) {
        return Math.max(nowMs, Number(atNs) / 1e6);
      }
    }
  }
}

function nanoseconds(milliseconds: number): bigint {
  return BigInt(Math.round(milliseconds * 1e6));
}
