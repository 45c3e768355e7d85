/**
 * One VM's share of the thread that works on all VMs' hypercalls, and answers the controller.
 *
 *     reading ──more time taken than its share──▶ resting, its ports are not read ──paid back──▶ reading
 *
 * A guest may write as fast as it can, and every frame costs the relay something, also one that is refused. So a VM is charged
 * for what it makes the thread do, and has half of it, or a tenth while a migration that is not its own is under way in this
 * relay; what it writes meanwhile waits in QEMU, and then in the guest. Agents that keep to the batch policy need a few
 * hundredths (a SEND of 64 MiB takes less than a millisecond); one hypercall a page needs more, and is slowed down. It rests
 * until all is paid back, since to wake up often would cost as much as the work.
 *
 * Limits: what streams do for a VM has threads of its own, which the kernel shares out, and only its own migration's bandwidth
 * cap holds back. Time is the clock's, so a busy machine makes turns look longer than they were.
 */
import type { Clock } from '../../../libraries/process/index.js';

const aloneShare = 0.5;
const contendedShare = 0.1;
/** What may be taken at once, by a VM that has taken nothing for a while. */
const burstMs = 10;
/** A turn that seems to have taken longer was one in which the machine, or the relay, stood still. */
const longestTurnMs = 100;

export class ThreadShare {
  private chargedMs = 0;
  private atMs: number;

  constructor(
    private readonly clock: Pick<Clock, 'monotonicMs'>,
    /** Whether a migration that is not this VM's is under way. */
    private readonly isContended: () => boolean,
  ) {
    this.atMs = clock.monotonicMs();
  }

  /** For work that is not done within a turn. */
  charge(milliseconds: number): void {
    const nowMs = this.clock.monotonicMs();
    const paidMs = (nowMs - this.atMs) * this.share;
    this.chargedMs = Math.max(0, this.chargedMs - paidMs) + milliseconds;
    this.atMs = nowMs;
  }

  /** After a turn that took so long. For how many milliseconds its ports are not to be read; 0: they are. */
  restMs(turnMs: number): number {
    this.charge(Math.min(turnMs, longestTurnMs));
    return this.chargedMs <= burstMs ? 0 : this.chargedMs / this.share;
  }

  private get share(): number {
    return this.isContended() ? contendedShare : aloneShare;
  }
}
