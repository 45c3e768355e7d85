/**
 * How long a stream had nothing to send although an object was open: the starvation that COMPLETE reports.
 *
 * A gap that is longer than a round's own pauses is the time between two rounds, and not the batching's fault.
 */
const pauseMs = 250;

export class Idleness {
  private readonly open = new Set<number>();
  private idleSinceMs: number | undefined;
  private starvedMs = 0;

  opened(object: number, nowMs: number): void {
    if (this.open.size === 0) this.idleSinceMs = nowMs;
    this.open.add(object);
  }

  closed(object: number): void {
    this.open.delete(object);
  }

  /** A batch begins. */
  busy(nowMs: number): void {
    const gapMs = nowMs - (this.idleSinceMs ?? nowMs);
    if (this.open.size > 0 && gapMs <= pauseMs) this.starvedMs += gapMs;
    this.idleSinceMs = undefined;
  }

  /** A batch is in the network's hands. */
  idle(nowMs: number): void {
    this.idleSinceMs = nowMs;
  }

  /** Microseconds starved since the last call. */
  take(): number {
    const starvedUs = Math.round(this.starvedMs * 1000);
    this.starvedMs = 0;
    return starvedUs;
  }
}
