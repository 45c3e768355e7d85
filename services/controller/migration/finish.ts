/**
 * Phase 9, finish: removes the source's copy and everything that the migration needed on either side.
 *
 * The container already runs at its destination; what cannot be removed is reported, tried on in the background,
 * and does not keep the migration from having succeeded.
 */
import { closeSessions, doChores, keepAt, type Chore } from './cleanup.js';
import { conclude } from './conclude.js';
import type { Migration, Sides } from './migration.js';

export async function finish(migration: Migration, sides: Sides): Promise<void> {
  const { source, destination } = sides;
  const { container } = migration.subject;
  const chores: Chore[] = [
    {
      leaves: `the frozen copy of '${container}' on ${source.name}`,
      run: (deadlineMs) => source.checkpoint.call('Finish', migration.ref, { deadlineMs }),
    },
    {
      leaves: `the landed images of '${container}' on ${destination.name}`,
      run: (deadlineMs) => destination.restore.call('Release', migration.ref, { deadlineMs }),
    },
    ...closeSessions(migration, sides),
  ];
  const failures = await doChores(migration, chores);
  for (const { chore, error } of failures) {
    migration.warn(`${chore.leaves} could not be removed yet: ${error.message}`);
  }
  keepAt(migration, failures);
  await conclude(migration, {
    outcome: 'completed',
    error: null,
    text: `container '${container}' has moved from ${source.name} to ${destination.name}`,
  });
}
