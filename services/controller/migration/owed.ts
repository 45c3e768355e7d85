/**
 * What a migration that has ended still owes: chores that were left when nobody could be kept waiting any longer.
 *
 * The agent that a chore needs may be away for longer than this run of the controller lasts, and then nobody would
 * think of it again: the source would stay frozen and claimed for good. So the step that ends the migration writes
 * into the record, in the same script, what is still open (`owed`). It stays there until all of it has been done.
 *
 *     final step, owed = "the claim on …" ──▶ chores done by this run ───────────────▶ settled (owed is gone)
 *                                     └─────▶ this run ends ──▶ the next takes over ──▶ chores ──▶ settled
 *
 * The next run raises the epoch, as it does for an unfinished migration, so that it alone says when the record is
 * settled. It does all chores of that ending anew, because the record names what is open for people only. State,
 * report and events stay as they are: how the migration ended has been decided and told.
 *
 * Limits: a Redis that loses the record loses this with it. An agent that never comes back keeps its records from
 * being pruned, and is called until the controller stops; so is, at the next start, one that was taken out of the
 * configuration, but that is only logged.
 */
import { asPortkeyError } from '../../../libraries/errors/index.js';
import { retry } from '../retry.js';
import type { MigrationRecord } from '../state/index.js';
import { finishChores, undoChores, type Chore } from './chores.js';
import { keepAt, type Failure } from './cleanup.js';
import type { Migration, Sides } from './migration.js';

export interface Owed {
  /** What is left behind, for people. */
  readonly text: string;
  /** Resolves when nobody works on it any more: true if it has all been done. */
  readonly done: Promise<boolean>;
}

/** Warns of what `doChores` had to leave, and goes on with it. Undefined where nothing was left. */
export function owe(migration: Migration, failures: readonly Failure[]): Owed | undefined {
  if (failures.length === 0) return undefined;
  for (const { chore, error } of failures) {
    migration.warn(`${chore.leaves} could not be removed yet: ${error.message}`);
  }
  const chores = failures.map(({ chore }) => chore);
  return {
    text: chores.map(({ leaves }) => leaves).join('; '),
    done: keepAt(migration, chores),
  };
}

/** Takes off the record what is done. Waits for that, and before it for `stored`: that the record has it. */
export async function settle(
  migration: Migration,
  done: Promise<boolean>,
  stored: Promise<void>,
): Promise<void> {
  const { clock, limits, log, store } = migration.tools;
  const { id, epoch } = migration.subject;
  await stored;
  if (!(await done)) return;
  try {
    await retry({ clock, limits, until: migration.until, patienceMs: Infinity }, () =>
      store.settle(id, epoch, migration.loss),
    );
  } catch (thrown) {
    log.warn({ id }, `settled, but left to the next start to say so: ${asPortkeyError(thrown).message}`);
  }
}

/** Does what another run left of an ended migration, and settles it. `migration` has its sides. */
export async function payOff(migration: Migration, record: MigrationRecord): Promise<void> {
  const { sides, tools } = migration;
  tools.log.info(
    { id: record.id },
    `goes on removing what another run of the controller left: ${record.owed}`,
  );
  const chores = sides === undefined ? [] : choresOf(migration, sides, record);
  await settle(migration, keepAt(migration, chores), Promise.resolve());
}

function choresOf(migration: Migration, sides: Sides, record: MigrationRecord): Chore[] {
  // One that ended as `done` before there was an activation in the record has run, too.
  const hasRun = record.activatedAt !== '' || record.state === 'done';
  return hasRun ? finishChores(migration, sides) : undoChores(migration, sides);
}
