/**
 * Does chores, and goes on with them.
 *
 * Somebody waits for the migration's end, so each is tried for a while only (`doChores`). What is left then is
 * tried on in the background until it works or the controller stops (`keepAt`): an agent that was away for long
 * must not leave a frozen container, a claim or images behind when it comes back.
 */
import { asPortkeyError, type PortkeyError } from '../../../libraries/errors/index.js';
import { retry } from '../retry.js';
import type { Chore } from './chores.js';
import type { Migration } from './migration.js';

export interface Failure {
  readonly chore: Chore;
  readonly error: PortkeyError;
}

/** Does all chores at once; returns those that failed to the end. */
export async function doChores(migration: Migration, chores: readonly Chore[]): Promise<Failure[]> {
  const { clock, limits } = migration.tools;
  const outcomes = await Promise.all(
    chores.map(async (chore): Promise<Failure | undefined> => {
      try {
        const onFailure = (error: PortkeyError, attempt: number): void => {
          if (attempt === 1)
            migration.journal.note('progress', `cleaning up, trying again: ${error.message}`);
        };
        await retry(
          { clock, limits, until: migration.until, patienceMs: limits.undoPatienceMs, onFailure },
          () => chore.run(limits.undoCallMs),
        );
        return undefined;
      } catch (thrown) {
        return { chore, error: asPortkeyError(thrown) };
      }
    }),
  );
  return outcomes.filter((outcome) => outcome !== undefined);
}

/** Does all chores, however long it takes; the log says how each ended. False: another one takes over, or this one stops, before. */
export async function keepAt(migration: Migration, chores: readonly Chore[]): Promise<boolean> {
  const { clock, limits, log } = migration.tools;
  const { id } = migration.subject;
  const done = await Promise.all(
    chores.map(async (chore) => {
      try {
        await retry({ clock, limits, until: migration.until, patienceMs: Infinity }, () =>
          chore.run(limits.undoCallMs),
        );
        log.info({ id }, `removed after all: ${chore.leaves}`);
        return true;
      } catch {
        log.warn({ id }, `left behind: ${chore.leaves}`);
        return false;
      }
    }),
  );
  return done.every(Boolean);
}
