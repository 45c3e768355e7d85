/**
 * The end of a migration that preflight has refused: what was reserved is given back, the container was never
 * touched.
 */
import type { PortkeyError } from '../../../libraries/errors/index.js';
import { AbortedFirst } from './aborted-first.js';
import { conclude } from './conclude.js';
import type { Migration } from './migration.js';
import { rollBack } from './roll-back.js';
import { undo } from './undo.js';

export async function refuse(migration: Migration, reason: PortkeyError): Promise<void> {
  const { owed } = await undo(migration);
  try {
    await conclude(migration, {
      outcome: 'refused',
      error: reason,
      text: `refused: ${reason.message}`,
      owed,
    });
  } catch (thrown) {
    if (!(thrown instanceof AbortedFirst)) throw thrown;
    await rollBack(migration, thrown.reason);
  }
}
