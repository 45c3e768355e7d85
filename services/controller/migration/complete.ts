/**
 * After the decision: the destination's copy is set going, then the source's removed. Where that copy turns out to be lost,
 * with the VM that had it, the source's goes on instead.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import { activate } from './activate.js';
import { finish } from './finish.js';
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
  const { name } = sides.destination;
  const reason = `${name} was started anew after the commit, and its copy of container '${migration.subject.container}' is gone with what it had`;
  await rollBack(migration, new PortkeyError('destination-lost', reason), 'reverted');
}
