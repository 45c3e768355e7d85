/**
 * What the CPU of a VM went to: the agent, the programs that it ran (runc, CRIU), and the rest. Of the agent's, what its
 * rounds took to scan and to make hypercalls; what is left of it is gRPC, the images, and all else that an agent does.
 *
 * runc and CRIU are one figure: CRIU is runc's child, and the kernel tells the agent, which waits for runc, only the sum.
 * Which call it went to is in vm-steps.ts.
 * The rest is a difference: what the host saw the VM use, less what the two say. In it are the guest's kernel where it
 * works for nobody in particular (interrupts, network), CRIU's page servers, and the container itself: its own work, and
 * what its new tasks do of their restore before they are CRIU's no more. The host takes an idle VM's share off and the guest does not, and the guest also counts the
 * time in which the host let it wait, so where little was used it may come out below 0; it is shown as it is.
 */
import type { MigrationReport } from '../report/migration-report.js';

export interface VmUses {
  readonly agent: number;
  /** Of `agent`. null at the destination, which has no rounds, and where an older agent does not tell. */
  readonly scan: number | null;
  readonly hypercalls: number | null;
  readonly programs: number;
  readonly rest: number;
}

/** null where the relay or the agent did not answer. */
export function vmUsesOf(
  { cpuSeconds, guestCpuSeconds, rounds }: MigrationReport,
  side: 'source' | 'destination',
): VmUses | null {
  const [cpu, guest] = [cpuSeconds[side], guestCpuSeconds[side]];
  if (cpu === null || guest === null) return null;
  const { agent, programs } = guest;
  const ofRounds = (use: 'scan' | 'hypercalls'): number | null =>
    side === 'source' ? sumOfKnown(rounds.map(({ agentCpuSeconds }) => agentCpuSeconds?.[use])) : null;
  return {
    agent,
    scan: ofRounds('scan'),
    hypercalls: ofRounds('hypercalls'),
    programs,
    rest: cpu.byComponent.vm - agent - programs,
  };
}

/** null where one is not known. */
function sumOfKnown(values: readonly (number | undefined)[]): number | null {
  const known = values.filter((value) => value !== undefined);
  return known.length < values.length ? null : known.reduce((sum, value) => sum + value, 0);
}
