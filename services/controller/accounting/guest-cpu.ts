/**
 * What the two agents say they used of their VMs' CPU: the inside of what the relay reads as the VM's (cpu.ts).
 *
 * The two clocks differ. The relay's is the host's, and an idle VM's share is taken off; the agents' is their VM's own,
 * which also counts the time in which the host let the VM wait. What is left of the VM's CPU beside the agent's and its
 * programs' is the kernel's, the network's, and the container's own, so it is only known as a difference.
 */
import type { Usage } from '../../../libraries/rpc/index.js';

export interface GuestStepCpu {
  /** The agent itself, all threads. */
  readonly agent: number;
  /** runc, CRIU and what else it ran to its end. */
  readonly programs: number;
}

export interface GuestCpu extends GuestStepCpu {
  readonly byStep: Readonly<Record<string, GuestStepCpu>>;
}

export interface BothGuests {
  readonly source: GuestCpu | null;
  readonly destination: GuestCpu | null;
}

/** They come when the destination's copy runs, after the last reading of the relays. */
const afterLastReading: readonly string[] = ['finish', 'release'];

/** The sums are over the steps that the relays' readings cover, so that they are comparable. */
export function guestCpu({ steps }: Usage): GuestCpu {
  const sum = { agent: 0, programs: 0 };
  const byStep: Record<string, GuestStepCpu> = {};
  for (const { step, agentSeconds, programsSeconds } of steps) {
    byStep[step] = { agent: agentSeconds, programs: programsSeconds };
    if (afterLastReading.includes(step)) continue;
    sum.agent += agentSeconds;
    sum.programs += programsSeconds;
  }
  return { ...sum, byStep };
}
