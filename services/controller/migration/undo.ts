/**
 * Gives back everything that an attempt took, on both sides: the source thaws and is on the network again, the
 * destination's copy, namespace and images go, the relays' sessions end.
 *
 * All of it is tried at once, so that the container stands still no longer than it must. That is safe in any
 * order: before the commit the destination's copy is stopped and off the network, whatever becomes of it; and where a
 * commit is undone, it is gone.
 */
import type { PortkeyError } from '../../../libraries/errors/index.js';
import { undoChores } from './chores.js';
import { doChores } from './cleanup.js';
import { LeftToRecovery } from './left-to-recovery.js';
import type { Migration } from './migration.js';
import { owe, type Owed } from './owed.js';

export interface Undone {
  /** Why the source could not be told to go on, where it could not; other failures are no more than warnings. */
  readonly thawFailure: PortkeyError | undefined;
  readonly owed: Owed | undefined;
}

/** Throws LeftToRecovery where it is given up before its time: whoever goes on with it says how the migration ends. */
export async function undo(migration: Migration): Promise<Undone> {
  const { sides } = migration;
  if (sides === undefined) return { thawFailure: undefined, owed: undefined };
  const failures = await doChores(migration, undoChores(migration, sides));
  if (failures.length > 0 && migration.until.aborted)
    throw new LeftToRecovery(
      'the migration is undone by the next controller, as this one stops or has lost it',
    );
  return {
    thawFailure: failures.find(({ chore }) => chore.thaws)?.error,
    owed: owe(migration, failures),
  };
}
