/**
 * After the decision: the destination's copy is set going, then the source's removed. Where that copy turns out to be lost,
 * with the VM that had it, the source's goes on instead.
 */
import { asPortkeyError, PortkeyError } from '../../../libraries/errors/index.js';
import { isWorthAWord, retry } from '../retry.js';
import { activate } from './activate.js';
import { finish } from './finish.js';
import { LeftToRecovery } from './left-to-recovery.js';
import type { Migration, Sides } from './migration.js';
import { rollBack } from './roll-back.js';

/** `onActivated` is called when the activation is over, either way, with the downtime where it is known. Throws LeftToRecovery. */
export async function complete(
  migration: Migration,
  sides: Sides,
  onActivated: (downtimeSeconds: number | undefined) => void = () => undefined,
): Promise<void> {
  const activation = await migration.stopwatch.time('activate', () => activate(migration, sides));
  onActivated(activation.downtimeSeconds);
  if (!activation.isLost) {
    await finish(migration, sides);
    return;
  }
  await takeSourceOver(migration, sides);
  const { name } = sides.destination;
  const reason = `${name} was started anew after the commit, and its copy of container '${migration.subject.container}' is gone with what it had`;
  await rollBack(migration, new PortkeyError('destination-lost', reason), 'reverted');
}

/**
 * An earlier controller may have heard of the copy running, before that was lost, and be about to remove the source's. From
 * here on it is refused. If that was removed already, or is lost, too, its rollback will tell; if yet another controller has
 * taken over, Redis will. Throws LeftToRecovery.
 */
async function takeSourceOver(migration: Migration, { source }: Sides): Promise<void> {
  const { clock, limits } = migration.tools;
  const onFailure = (error: PortkeyError, tries: number): void => {
    if (isWorthAWord(tries))
      migration.warn(`the destination's copy is lost, and ${source.name} has the other: ${error.message}`);
  };
  try {
    await retry({ clock, limits, until: migration.until, patienceMs: Infinity, onFailure }, async () => {
      try {
        await source.checkpoint.call('TakeOver', migration.ref, { deadlineMs: limits.undoCallMs });
      } catch (thrown) {
        if (asPortkeyError(thrown).code !== 'stale-epoch') throw thrown;
      }
    });
  } catch (thrown) {
    throw new LeftToRecovery(`nobody reaches ${source.name}: ${asPortkeyError(thrown).message}`);
  }
}
