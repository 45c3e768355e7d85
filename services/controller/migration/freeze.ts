/**
 * Phase 3, freeze: the container goes off the network and all its tasks stand still. Here the downtime begins.
 */
import { formatSeconds } from '../../../libraries/units/index.js';
import type { LiveMigration } from './migration.js';
import type { Precopied } from './precopy.js';

/** Nothing in the container changes any more. */
export type Frozen = Precopied;

export async function freeze(migration: LiveMigration, precopied: Precopied): Promise<Frozen> {
  const { clock, limits } = migration.tools;
  precopied.cpu.endPhase();
  migration.report.markFreeze(clock.wallTime());
  const frozen = await precopied.sides.source.checkpoint.call(
    'Freeze',
    migration.ref,
    migration.callOptions(limits.stepMs),
  );
  await migration.advance(
    'frozen',
    `${frozen.taskCount} tasks frozen in ${formatSeconds(frozen.seconds)}`,
    frozen,
  );
  return precopied;
}
