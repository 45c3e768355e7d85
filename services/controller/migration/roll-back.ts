/**
 * The way back: decides in Redis that the migration is aborted (or reverted: complete.ts), then undoes it on both sides.
 *
 * The decision comes first, so that a commit which is under way loses; it is the same compare-and-set. Where
 * Redis does not answer, the undoing goes ahead without it: this runs only when no commit was sent, or Redis has
 * said that none was applied, and nobody but this process, in this epoch, would send one. A reversal waits for Redis: another
 * controller may have told it that the destination's copy runs, and be finishing the migration.
 *
 * A source whose VM was started anew meanwhile answers that there is nothing to undo. Then there is nothing to go on, either:
 * the container is gone, as it would be without a migration, and the end says so.
 */
import { asPortkeyError, PortkeyError } from '../../../libraries/errors/index.js';
import { conclude, reasonFrom, type Ending } from './conclude.js';
import { LeftToRecovery } from './left-to-recovery.js';
import type { Migration } from './migration.js';
import { undo } from './undo.js';
import { untilTold } from './until-told.js';

/** What is undone: an attempt, or a commit. */
export type Reversal = 'aborted' | 'reverted';

export async function rollBack(
  migration: Migration,
  reason: PortkeyError,
  decision: Reversal = 'aborted',
): Promise<void> {
  const { journal } = migration;
  const decide = (): Promise<void> =>
    journal.step(decision, `${decision}: ${reason.message}`, {
      set: { reason: JSON.stringify(reasonFrom(reason)) },
    });
  let told = true;
  if (decision === 'aborted') told = await decidedInRedis(migration, reason, decide);
  else await untilTold(migration, 'the container stands still until then', decide);
  if (!told) journal.announce(decision, `${decision}: ${reason.message}`);
  const { thawFailure, owed } = await undo(migration);
  await conclude(migration, {
    ...endingOf(migration, reason, decision, thawFailure),
    owed,
    ...(told ? {} : { untold: decide }),
  });
}

function endingOf(
  { sides, subject, loss }: Migration,
  reason: PortkeyError,
  decision: Reversal,
  thawFailure: PortkeyError | undefined,
): Pick<Ending, 'outcome' | 'error' | 'text'> {
  const { container } = subject;
  if (thawFailure !== undefined) {
    return {
      outcome: 'failed',
      error: new PortkeyError(
        reason.code,
        `${reason.message}; and container '${container}' may still be frozen: ${thawFailure.message}; ` +
          'the controller goes on trying to thaw it',
        { cause: thawFailure, details: reason.details },
      ),
      text: `failed: container '${container}' could not be told to go on: ${thawFailure.message}`,
    };
  }
  if (loss !== undefined) {
    const message = decision === 'reverted' ? `${reason.message}; and ${loss.message}` : loss.message;
    const error = new PortkeyError(loss.code, message, { cause: reason, details: reason.details });
    return { outcome: 'failed', error, text: `failed: ${message}` };
  }
  const how = decision === 'reverted' ? 'goes on from the freeze' : 'is untouched';
  const where = sides === undefined ? '' : ` on ${sides.source.name}`;
  return {
    outcome: 'rolled-back',
    error: reason,
    text: `rolled back, container '${container}' ${how}${where}: ${reason.message}`,
  };
}

/** False where Redis could not be told. Throws LeftToRecovery where the decision is another controller's. */
async function decidedInRedis(
  migration: Migration,
  reason: PortkeyError,
  decide: () => Promise<void>,
): Promise<boolean> {
  // Redis has just been found to be gone: the container should not wait for it a second time.
  if (reason.code === 'state-store-unavailable') return false;
  try {
    await decide();
    return true;
  } catch (thrown) {
    if (thrown instanceof LeftToRecovery) throw thrown;
    const error = asPortkeyError(thrown);
    migration.tools.log.warn(
      { id: migration.subject.id, code: error.code },
      `abort not stored: ${error.message}`,
    );
    if (error.code === 'transition-refused') {
      throw new LeftToRecovery(`the migration can no longer be aborted: ${error.message}`);
    }
    return false;
  }
}
