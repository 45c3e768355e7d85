/**
 * Phase 9, finish: removes the source's copy and everything that the migration needed on either side.
 *
 * The container already runs at its destination; what cannot be removed is reported, tried on in the background,
 * and does not keep the migration from having succeeded. Only where its VM was started anew meanwhile, it has not: the
 * container is gone, as any that runs in such a VM.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import { askGuests } from './ask-guests.js';
import { finishChores } from './chores.js';
import { doChores } from './cleanup.js';
import { conclude, type Ending } from './conclude.js';
import type { Migration, Sides } from './migration.js';
import { owe } from './owed.js';

export async function finish(migration: Migration, sides: Sides): Promise<void> {
  const failures = await doChores(migration, finishChores(migration, sides));
  migration.report.addGuests(await askGuests(migration, sides));
  await conclude(migration, {
    ...endingOf(migration, sides),
    owed: owe(migration, failures),
  });
}

function endingOf(
  { isContainerLost, subject: { container } }: Migration,
  { source, destination }: Sides,
): Pick<Ending, 'outcome' | 'error' | 'text'> {
  if (!isContainerLost) {
    const text = `container '${container}' has moved from ${source.name} to ${destination.name}`;
    return { outcome: 'completed', error: null, text };
  }
  const message = `${destination.name} was started anew when container '${container}' ran there already, and that is gone with what it had; start it with: portkey run`;
  return {
    outcome: 'failed',
    error: new PortkeyError('destination-lost', message),
    text: `failed: ${message}`,
  };
}
