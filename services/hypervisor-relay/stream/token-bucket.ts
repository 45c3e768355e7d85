/**
 * Holds a sender to a rate: how long to wait before the next bytes.
 *
 * Bytes are paid for in time. Time that went unused, because the machine was late, is saved for at most `savedMs`,
 * so that over any second the rate is exceeded by no more than that share of it.
 */
const savedMs = 50;
const pieceMs = 20;

export class TokenBucket {
  private freeAtMs = 0;

  /** 0 bytes per second: no limit. */
  constructor(private readonly bytesPerSecond: number) {}

  /** The largest piece to send at once, so that the stream is even. */
  get pieceBytes(): number {
    if (this.bytesPerSecond === 0) return Number.POSITIVE_INFINITY;
    return Math.max(4096, Math.floor((this.bytesPerSecond * pieceMs) / 1000));
  }

  /** Milliseconds to wait before anything may be sent. */
  waitMs(nowMs: number): number {
    return Math.max(0, this.freeAtMs - nowMs);
  }

  sent(byteLength: number, nowMs: number): void {
    if (this.bytesPerSecond === 0) return;
    this.freeAtMs = Math.max(this.freeAtMs, nowMs - savedMs) + (byteLength / this.bytesPerSecond) * 1000;
  }
}
