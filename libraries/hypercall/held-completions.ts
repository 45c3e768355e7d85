/**
 * Which SENDs that have landed the relay answers now, and which wait for a later one's COMPLETE.
 *
 * Every COMPLETE interrupts the guest and wakes its agent, and one COMPLETE answers all SENDs of its object up to its
 * sequence. So one is held back while the guest can do without: it has credits left, and the relay has work. It is
 * written
 *
 *   - when fewer than `plentyInFlight` SENDs of the object are still to land: the guest must hear in time that the
 *     relay will run dry, and the last SEND of a round is answered at once;
 *   - when half of the credits are held back, before the guest runs out of them;
 *   - when the object has had no answer for `longestHoldMs`, so that whoever follows sees progress.
 *
 * Invariants: every SEND that landed is answered by exactly one COMPLETE, its own or a later one's of its object. What
 * is held always has SENDs of its object before it that are still to land or to fail, so nothing is held for good.
 * Bytes and starvation of what is held are in the COMPLETE that answers it.
 */
import type { Clock } from '../process/index.js';
import type { Complete } from './messages.js';

const plentyInFlight = 4;
const longestHoldMs = 100;

export interface LandedSend extends Omit<Complete, 'type'> {
  /** SENDs of this object that are still to land. */
  readonly inFlight: number;
}

interface Held {
  count: number;
  bytes: number;
  starvedUs: number;
  answeredAtMs: number;
}

export class HeldCompletions {
  private readonly objects = new Map<number, Held>();
  private heldCount = 0;

  constructor(
    private readonly credits: number,
    private readonly clock: Pick<Clock, 'monotonicMs'>,
  ) {}

  /** SENDs that have landed and not been answered: they still have the guest's credits. */
  get held(): number {
    return this.heldCount;
  }

  /** The COMPLETE to write now, or undefined where a later one will answer this SEND, too. */
  landed({ inFlight, ...landed }: LandedSend): Complete | undefined {
    const nowMs = this.clock.monotonicMs();
    const held = this.objects.get(landed.object) ?? { count: 0, bytes: 0, starvedUs: 0, answeredAtMs: nowMs };
    held.count += 1;
    held.bytes += landed.bytes;
    held.starvedUs += landed.starvedUs;
    this.objects.set(landed.object, held);
    this.heldCount += 1;
    const mustAnswer =
      inFlight < plentyInFlight ||
      2 * this.heldCount >= this.credits ||
      nowMs - held.answeredAtMs >= longestHoldMs;
    if (!mustAnswer) return undefined;
    const { bytes, starvedUs } = held;
    this.heldCount -= held.count;
    Object.assign(held, { count: 0, bytes: 0, starvedUs: 0, answeredAtMs: nowMs });
    if (inFlight === 0) this.objects.delete(landed.object);
    return { type: 'complete', ...landed, bytes, starvedUs };
  }

  /** The object failed: its ERROR answers what was held. */
  forget(object: number): void {
    this.heldCount -= this.objects.get(object)?.count ?? 0;
    this.objects.delete(object);
  }
}
