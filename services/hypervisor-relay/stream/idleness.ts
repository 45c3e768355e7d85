/**
 * How long a migration's streams had nothing to send although an object was open: the starvation that COMPLETE
 * reports.
 *
 * Time counts while no stream is busy. A gap that is longer than a round's own pauses is the time between two rounds,
 * and not the batching's fault. The threads of several streams share the memory of it; a gap is counted by the thread
 * whose batch ends it. Limits: threads that begin and end in the same microseconds may lose a gap as short as that.
 */
import { maxStarvedGapMs } from '../../../libraries/hypercall/index.js';

const fields = ['busy', 'idleSinceUs', 'starvedUs'] as const;

export class Idleness {
  private readonly open = new Set<number>();
  private readonly values: BigInt64Array;

  /** `shared` is another's of the same streams. */
  constructor(readonly shared = new SharedArrayBuffer(fields.length * 8)) {
    this.values = new BigInt64Array(shared);
  }

  opened(object: number, nowMs: number): void {
    if (this.open.size === 0 && Atomics.load(this.values, at('busy')) === 0n) this.idleSince(nowMs);
    this.open.add(object);
  }

  closed(object: number): void {
    this.open.delete(object);
  }

  /** A batch begins. */
  busy(nowMs: number): void {
    const wereBusy = Atomics.add(this.values, at('busy'), 1n);
    if (wereBusy > 0n || this.open.size === 0) return;
    const gapUs = microseconds(nowMs) - Atomics.load(this.values, at('idleSinceUs'));
    if (gapUs > 0n && gapUs <= microseconds(maxStarvedGapMs))
      Atomics.add(this.values, at('starvedUs'), gapUs);
  }

  /** A batch is in the network's hands. */
  idle(nowMs: number): void {
    this.idleSince(nowMs);
    Atomics.sub(this.values, at('busy'), 1n);
  }

  /** Microseconds starved since the last call of any of the threads. */
  take(): number {
    return Number(Atomics.exchange(this.values, at('starvedUs'), 0n));
  }

  private idleSince(nowMs: number): void {
    Atomics.store(this.values, at('idleSinceUs'), microseconds(nowMs));
  }
}

function at(field: (typeof fields)[number]): number {
  return fields.indexOf(field);
}

function microseconds(milliseconds: number): bigint {
  return BigInt(Math.round(milliseconds * 1000));
}
