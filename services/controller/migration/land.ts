/**
 * Phase 5, landing: everything that the source sent is at the destination, and no more may come.
 */
import { formatBytes } from '../../../libraries/units/index.js';
import type { Dumped } from './dump.js';
import type { LiveMigration } from './migration.js';

/** The destination has all it needs. */
export type LandedContainer = Dumped;

export async function land(migration: LiveMigration, dumped: Dumped): Promise<LandedContainer> {
  const landed = await dumped.transport.land();
  if (landed !== null) migration.report.addLanding(landed.sealed, landed.imageBytes);
  dumped.cpu.endPhase();
  const what =
    landed === null
      ? 'all images'
      : `${landed.sealed.pages} pages, ${formatBytes(landed.sealed.bytes)}, ${formatBytes(landed.imageBytes)} of them images`;
  await migration.advance('landed', `${what} landed on ${dumped.sides.destination.name}`, landed?.sealed);
  return dumped;
}
