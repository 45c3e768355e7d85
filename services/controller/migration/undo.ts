/**
 * Gives back everything that an attempt took, on both sides: the source thaws and is on the network again, the
 * destination's copy, namespace and images go, the relays' sessions end.
 *
 * The four are tried at once, so that the container stands still no longer than it must. That is safe in any
 * order: before the commit the destination's copy is stopped and off the network, whatever becomes of it.
 */
import type { PortkeyError } from '../../../libraries/errors/index.js';
import { closeSessions, doChores, keepAt, type Chore } from './cleanup.js';
import type { Migration } from './migration.js';

/** Returns why the source could not be told to go on, where it could not; the rest only gets a warning. All of it goes on being tried. */
export async function undo(migration: Migration): Promise<PortkeyError | undefined> {
  const { sides, touched, subject, ref } = migration;
  if (sides === undefined) return undefined;
  const { source, destination } = sides;
  const thaw: Chore = {
    leaves: `the claim on '${subject.container}' on ${source.name}`,
    run: (deadlineMs) => source.checkpoint.call('Rollback', ref, { deadlineMs }),
  };
  const discard: Chore = {
    leaves: `an unused copy of '${subject.container}' on ${destination.name}`,
    run: (deadlineMs) => destination.restore.call('Discard', ref, { deadlineMs }),
  };
  const failures = await doChores(migration, [
    ...(touched.source ? [thaw] : []),
    ...(touched.destination ? [discard] : []),
    ...closeSessions(migration, sides),
  ]);
  for (const { chore, error } of failures) {
    migration.warn(`${chore.leaves} could not be removed yet: ${error.message}`);
  }
  keepAt(migration, failures);
  return failures.find(({ chore }) => chore === thaw)?.error;
}
