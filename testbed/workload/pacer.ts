/**
 * A token bucket: how many writes are due now at a given rate.
 *
 * The bucket holds at most `burstSeconds` worth of writes, so that a server that stood still for a while is not
 * flooded afterwards: the workload writes at its rate or slower, never faster.
 */
const burstSeconds = 0.1;

export class Pacer {
  private tokens = 0;
  private lastMs: number;

  constructor(
    private readonly perSecond: number,
    nowMs: number,
  ) {
    this.lastMs = nowMs;
  }

  /** Takes and returns the whole writes that are due, at most `limit`. */
  take(nowMs: number, limit: number): number {
    const most = Math.max(1, this.perSecond * burstSeconds);
    this.tokens = Math.min(most, this.tokens + ((nowMs - this.lastMs) / 1000) * this.perSecond);
    this.lastMs = nowMs;
    const due = Math.min(Math.floor(this.tokens), limit);
    this.tokens -= due;
    return due;
  }
}
