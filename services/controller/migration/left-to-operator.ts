/**
 * Where Redis has lost the record of a migration from its commit on, what becomes of the container is for an operator to say
 * (rescue/rescue.ts): nobody knows how far others have come with it.
 */
import { LeftToRecovery } from './left-to-recovery.js';
import type { Migration } from './migration.js';

/** Tells those who follow it what to do. `why`: that Redis has lost the record. */
export function leftToOperator(migration: Migration, why: string): LeftToRecovery {
  const { container } = migration.subject;
  const text = `${why}; both copies of container '${container}' stay as they are, and one can be chosen: portkey rescue ${container}`;
  migration.warn(text);
  return new LeftToRecovery(text);
}
