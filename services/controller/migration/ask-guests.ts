/**
 * Asks both agents what the migration used of their VMs' CPU. Once, when everything that is measured is over, so that
 * the question is in no figure; an agent that does not know, or does not say so at once, costs the figures only.
 */
import type { Usage } from '../../../libraries/rpc/index.js';
import { guestCpu, type BothGuests, type GuestCpu } from '../accounting/guest-cpu.js';
import type { Migration, Sides } from './migration.js';

export async function askGuests(
  { ref, tools }: Migration,
  { source, destination }: Sides,
): Promise<BothGuests> {
  const options = { deadlineMs: tools.limits.optionalMs };
  const [ofSource, ofDestination] = await Promise.all([
    orUnknown(source.checkpoint.call('GetUsage', ref, options)),
    orUnknown(destination.restore.call('GetUsage', ref, options)),
  ]);
  return { source: ofSource, destination: ofDestination };
}

async function orUnknown(usage: Promise<Usage>): Promise<GuestCpu | null> {
  try {
    return guestCpu(await usage);
  } catch {
    return null;
  }
}
