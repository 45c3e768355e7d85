/**
 * Phase 6, restore: the destination's copy exists whole, stopped and off the network. Either copy could now be
 * the container; which one is the next phase's decision.
 */
import { formatSeconds } from '../../../libraries/units/index.js';
import { transferDeadlineMs } from '../limits.js';
import type { LandedContainer } from './land.js';
import type { LiveMigration } from './migration.js';

/** Two whole copies, both stopped. */
export type Restored = LandedContainer;

export async function restore(migration: LiveMigration, landed: LandedContainer): Promise<Restored> {
  const { sides, transport, description } = landed;
  const restored = await sides.destination.restore.call(
    'Restore',
    { migration: migration.ref, landing: transport.landingFolder },
    migration.callOptions(transferDeadlineMs(migration.tools.limits, description.memoryBytes)),
  );
  await migration.advance(
    'restored',
    `${restored.taskCount} tasks restored on ${sides.destination.name} in ${formatSeconds(restored.seconds)}, stopped`,
    restored,
  );
  return landed;
}
