/**
 * What the CPU of a VM went to: the agent, the programs that it ran (runc, CRIU), and the rest.
 *
 * The rest is a difference: what the host saw the VM use, less what the two say. In it are the guest's kernel where it
 * works for nobody in particular (interrupts, network), CRIU's page servers, and the container itself: its own work, and
 * what its new tasks do of their restore before they are CRIU's no more. The host takes an idle VM's share off and the guest does not, and the guest also counts the
 * time in which the host let it wait, so where little was used it may come out below 0; it is shown as it is.
 */
import type { MigrationReport } from '../report/migration-report.js';

export interface VmUses {
  readonly agent: number;
  readonly programs: number;
  readonly rest: number;
}

/** null where the relay or the agent did not answer. */
export function vmUsesOf(
  { cpuSeconds, guestCpuSeconds }: MigrationReport,
  side: 'source' | 'destination',
): VmUses | null {
  const [cpu, guest] = [cpuSeconds[side], guestCpuSeconds[side]];
  if (cpu === null || guest === null) return null;
  const { agent, programs } = guest;
  return { agent, programs, rest: cpu.byComponent.vm - agent - programs };
}
