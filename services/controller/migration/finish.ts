/**
 * Phase 9, finish: removes the source's copy and everything that the migration needed on either side.
 *
 * The container already runs at its destination; what cannot be removed is reported, tried on in the background,
 * and does not keep the migration from having succeeded.
 */
import { askGuests } from './ask-guests.js';
import { finishChores } from './chores.js';
import { doChores } from './cleanup.js';
import { conclude } from './conclude.js';
import type { Migration, Sides } from './migration.js';
import { owe } from './owed.js';

export async function finish(migration: Migration, sides: Sides): Promise<void> {
  const { source, destination } = sides;
  const failures = await doChores(migration, finishChores(migration, sides));
  migration.report.addGuests(await askGuests(migration, sides));
  await conclude(migration, {
    outcome: 'completed',
    error: null,
    text: `container '${migration.subject.container}' has moved from ${source.name} to ${destination.name}`,
    owed: owe(migration, failures),
  });
}
