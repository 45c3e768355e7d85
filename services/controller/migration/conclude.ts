/**
 * The end of a migration, whichever: the report goes into the record with the last step, and to whoever follows;
 * into the record also goes what is still to be removed (owed.ts).
 *
 * If Redis is gone, the followers get the report all the same, and Redis gets it when it is back (or the next
 * start of the controller finds the migration unfinished, and ends it again: all of that is idempotent).
 */
import { asPortkeyError, type PortkeyError } from '../../../libraries/errors/index.js';
import type { MigrationReport, Outcome } from '../report/report.js';
import { retry } from '../retry.js';
import type { MigrationState, Reason } from '../state/index.js';
import { AbortedFirst } from './aborted-first.js';
import { LeftToRecovery } from './left-to-recovery.js';
import type { Migration } from './migration.js';
import { settle, type Owed } from './owed.js';
import { mayPass, nextTryId } from './retries.js';

const stateOf: Record<Outcome, MigrationState> = {
  completed: 'done',
  'rolled-back': 'rolled-back',
  refused: 'refused',
  failed: 'failed',
};

export interface Ending {
  readonly outcome: Outcome;
  readonly error: PortkeyError | null;
  readonly text: string;
  /** What could not be removed yet. */
  readonly owed: Owed | undefined;
  /** A decision that Redis has not been told yet, to be told before the end. */
  readonly untold?: () => Promise<void>;
}

/** Throws AbortedFirst where a refusal comes after an abort, and LeftToRecovery. */
export async function conclude(migration: Migration, ending: Ending): Promise<void> {
  const reason = ending.error === null ? null : reasonFrom(ending.error);
  const retriedBy = nextTry(migration, ending);
  const report = { ...(await migration.report.final(ending.outcome, reason)), retriedBy };
  const extras = extrasOf(report, reason, ending.owed);
  const tell = async (): Promise<void> => {
    await ending.untold?.();
    await migration.journal.step(stateOf[ending.outcome], ending.text, extras);
  };
  // Redis has just been found to be gone: whoever waits for the report should not wait for it a second time.
  const told = ending.untold === undefined && (await toldAtOnce(migration, tell));
  if (!told) migration.journal.announce(stateOf[ending.outcome], ending.text, extras);
  const stored = told ? Promise.resolve() : tellLater(migration, tell);
  migration.rest = ending.owed === undefined ? stored : settle(migration, ending.owed.done, stored);
  migration.tools.metrics.migrationEnded(report);
  migration.journal.close();
}

/** The id of the migration that tries again, if one does; what this one has left would be in its way. */
function nextTry({ wish }: Migration, { outcome, error, owed }: Ending): string | null {
  if (outcome !== 'refused' && outcome !== 'rolled-back') return null;
  if (error === null || owed !== undefined || wish === undefined || wish.retries < 1) return null;
  return mayPass(error.code) ? nextTryId(wish) : null;
}

/** False where Redis does not answer, or can no longer be told. Throws AbortedFirst and LeftToRecovery. */
async function toldAtOnce(migration: Migration, tell: () => Promise<void>): Promise<boolean> {
  try {
    await tell();
    return true;
  } catch (thrown) {
    if (thrown instanceof LeftToRecovery || thrown instanceof AbortedFirst) throw thrown;
    const { code, message } = asPortkeyError(thrown);
    migration.tools.log.warn({ id: migration.subject.id, code }, `end not stored: ${message}`);
    return false;
  }
}

export function reasonFrom(error: PortkeyError): Reason {
  return { code: error.code, message: error.message };
}

function extrasOf(
  report: MigrationReport,
  reason: Reason | null,
  owed: Owed | undefined,
): { report: string; set: Record<string, string> } {
  const json = JSON.stringify(report);
  return {
    report: json,
    set: {
      report: json,
      ...(reason === null ? {} : { reason: JSON.stringify(reason) }),
      ...(owed === undefined ? {} : { owed: owed.text }),
      ...(report.retriedBy === null ? {} : { retriedBy: report.retriedBy }),
    },
  };
}

/** Resolves when Redis has been told, or will not be by this process. */
async function tellLater(migration: Migration, tell: () => Promise<void>): Promise<void> {
  const { clock, limits, log } = migration.tools;
  const retryable = async (): Promise<void> => {
    try {
      await tell();
    } catch (thrown) {
      // Only silence is worth another try; any answer is final.
      if (asPortkeyError(thrown).code === 'state-store-unavailable') throw thrown;
    }
  };
  try {
    await retry({ clock, limits, until: migration.until, patienceMs: Infinity }, retryable);
  } catch (error) {
    log.warn({ id: migration.subject.id }, `left to the next start: ${asPortkeyError(error).message}`);
  }
}
