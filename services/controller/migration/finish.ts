/**
 * Phase 9, finish: removes the source's copy and everything that the migration needed on either side.
 *
 * The container already runs at its destination; what cannot be removed is reported, tried on in the background,
 * and does not keep the migration from having succeeded. Only where its VM was started anew meanwhile, it has not: the
 * container is gone, as any that runs in such a VM. A VM that does not answer at all may come back as it was, or not: then
 * it has moved, and the end says so much.
 */
import { askGuests } from './ask-guests.js';
import { finishChores, lookForLoss } from './chores.js';
import { doChores } from './cleanup.js';
import { conclude, type Ending } from './conclude.js';
import type { Migration, Sides } from './migration.js';
import { owe } from './owed.js';

export async function finish(migration: Migration, sides: Sides): Promise<void> {
  const failures = await doChores(migration, finishChores(migration, sides));
  migration.report.addGuests(await askGuests(migration, sides));
  // Once more, since the chores of the other side may have taken minutes.
  const isThere = await lookForLoss(migration, sides).then(
    () => true,
    () => false,
  );
  await conclude(migration, { ...endingOf(migration, sides, isThere), owed: owe(migration, failures) });
}

function endingOf(
  { loss, subject: { container } }: Migration,
  { source, destination }: Sides,
  isThere: boolean,
): Pick<Ending, 'outcome' | 'error' | 'text'> {
  if (loss !== undefined) return { outcome: 'failed', error: loss, text: `failed: ${loss.message}` };
  const text = `container '${container}' has moved from ${source.name} to ${destination.name}`;
  const now = isThere ? '' : ', which does not answer any more';
  return { outcome: 'completed', error: null, text: `${text}${now}` };
}
