/**
 * After the decision: the destination's copy is set going, Redis is told that it runs, then the source's is removed. Where
 * that copy turns out to be lost before Redis knew, with the VM that had it, the source's goes on instead.
 *
 * Nothing may be removed before Redis knows: another controller may have taken over, found the copy lost, and be about to
 * have the source's go on.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import { activate } from './activate.js';
import { finish } from './finish.js';
import type { Migration, Sides } from './migration.js';
import { rollBack } from './roll-back.js';
import { untilTold } from './until-told.js';

/** `onActivated` is called when the activation is over, either way, with the downtime where it is known. Throws LeftToRecovery. */
export async function complete(
  migration: Migration,
  sides: Sides,
  onActivated: (downtimeSeconds: number | undefined) => void = () => undefined,
): Promise<void> {
  const { source } = sides;
  const activation = await migration.stopwatch.time('activate', () => activate(migration, sides));
  onActivated(activation.downtimeSeconds);
  if (activation.lostBecause !== undefined) {
    await rollBack(migration, new PortkeyError('destination-lost', activation.lostBecause), 'reverted');
    return;
  }
  const activatedAt = migration.tools.clock.wallTime().toISOString();
  await untilTold(migration, `the frozen copy on ${source.name} stays until then`, () =>
    migration.advance('activated', `activated: the copy on ${source.name} can go`, undefined, {
      activatedAt,
    }),
  );
  await finish(migration, sides);
}
