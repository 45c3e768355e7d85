/**
 * Phase 7, commit: one compare-and-set in Redis decides which copy is the container.
 *
 * Three answers are possible. Applied: from now on the destination's copy is the container. Refused: an abort came
 * first, the source's copy stays it. No answer: Redis may have applied it or not, or may do so when it is back.
 * Then nobody knows, and both copies stay stopped while the question is put again, for as long as it takes; the
 * script is idempotent, so the answer to any repetition is the truth. Where Redis itself says that it cannot write, it certainly
 * had no effect, unless an earlier try went unanswered.
 *
 * A Redis that has lost the record cannot say what became of the commit: the one before it may have applied it, and another
 * controller may have set the destination's copy going. So both stay as they are, for an operator to choose.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import { hadNoEffect } from '../state/index.js';
import { leftToOperator } from './left-to-operator.js';
import { LeftToRecovery } from './left-to-recovery.js';
import type { LiveMigration } from './migration.js';
import type { Restored } from './restore.js';

/** The destination's copy is the container. */
export type Committed = Restored;

export async function commit(migration: LiveMigration, restored: Restored): Promise<Committed> {
  const { clock, limits, lifetime } = migration.tools;
  const name = restored.sides.destination.name;
  for (let unanswered = 0; ; unanswered++) {
    try {
      await migration.advance('committed', `committed: the copy on ${name} is the container now`);
      return restored;
    } catch (thrown) {
      if (!(thrown instanceof PortkeyError)) throw thrown;
      if (thrown.code === 'migration-unknown') throw leftToOperator(migration, thrown.message);
      if (thrown.code !== 'state-store-unavailable') throw thrown;
      if (unanswered === 0 && hadNoEffect(thrown)) throw thrown;
      if (unanswered === 0) {
        migration.warn(
          `${thrown.message}; whether the commit came through is unknown, so the container stays frozen until Redis answers`,
        );
      }
      if (lifetime.aborted) {
        throw new LeftToRecovery(
          'the controller stops before Redis has answered whether the commit came through',
        );
      }
      await clock.sleep(limits.retryMaxMs, lifetime).catch(() => undefined);
    }
  }
}
