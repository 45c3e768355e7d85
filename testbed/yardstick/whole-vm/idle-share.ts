/**
 * What a QEMU uses while its VM has nothing to do, in CPU seconds a second: the lowest of several windows of two seconds,
 * as the relays estimate it for the VMs of a migration.
 */
import { secondsSince, type Clock } from '../../../libraries/process/index.js';
import { throwIfStopped, type Tools } from '../../tools.js';
import type { Machine } from './machine.js';

const windowMs = 2_000;
/** Windows after the first at rest. */
const moreWindows = 2;
const patienceMs = 30_000;
/** As in testbed/rest.ts. */
const restingShare = 0.4;

/** Waits until the VM is at rest, at most `patienceMs`. One that does not come to rest is estimated too high. */
export async function idleShareOf(
  machine: Pick<Machine, 'cpuSeconds'>,
  tools: Pick<Tools, 'clock' | 'signal' | 'report'>,
): Promise<number> {
  const { clock, signal, report } = tools;
  const end = clock.monotonicMs() + patienceMs;
  let lowest = Infinity;
  let resting = 0;
  while (resting <= moreWindows) {
    const share = await shareOver(windowMs, machine, clock);
    throwIfStopped(signal);
    lowest = Math.min(lowest, share);
    if (lowest < restingShare) resting += 1;
    else if (clock.monotonicMs() > end) {
      report(`the VM does not come to rest (${lowest.toFixed(2)} s of CPU a second)`);
      break;
    }
  }
  return lowest;
}

export async function shareOver(
  milliseconds: number,
  machine: Pick<Machine, 'cpuSeconds'>,
  clock: Clock,
): Promise<number> {
  const [startMs, before] = [clock.monotonicMs(), machine.cpuSeconds()];
  await clock.sleep(milliseconds);
  return (machine.cpuSeconds() - before) / secondsSince(clock, startMs);
}
