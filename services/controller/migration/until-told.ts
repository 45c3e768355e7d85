/**
 * A step that nothing may go on without, because it decides between controllers: it is taken however long Redis is away.
 */
import { asPortkeyError } from '../../../libraries/errors/index.js';
import { isWorthAWord } from '../retry.js';
import { leftToOperator } from './left-to-operator.js';
import { LeftToRecovery } from './left-to-recovery.js';
import type { Migration } from './migration.js';

/**
 * `meanwhile`: what that means for the container, for people. Throws LeftToRecovery where Redis refuses the step, since
 * another controller has decided, or where it has lost the migration: then only an operator can (docs/hand-over.md).
 */
export async function untilTold(
  migration: Migration,
  meanwhile: string,
  tell: () => Promise<void>,
): Promise<void> {
  const { tools, until } = migration;
  for (let tries = 1; ; tries++) {
    try {
      await tell();
      return;
    } catch (thrown) {
      if (thrown instanceof LeftToRecovery) throw thrown;
      const { code, message } = asPortkeyError(thrown);
      if (code === 'migration-unknown') throw leftToOperator(migration, message);
      if (code !== 'state-store-unavailable' || until.aborted) throw new LeftToRecovery(message);
      if (isWorthAWord(tries)) migration.warn(`${message}; ${meanwhile}`);
      await tools.clock.sleep(tools.limits.retryMaxMs, until).catch(() => undefined);
    }
  }
}
