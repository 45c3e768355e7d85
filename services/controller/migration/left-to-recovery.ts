/**
 * Thrown where this process must do nothing more about a migration, neither go on nor roll back, because somebody
 * else decides about it now: another controller that has taken over, this one's next start, or, where Redis has lost the
 * record from the commit on, an operator (rescue/rescue.ts).
 */
import type { Migration } from './migration.js';

export class LeftToRecovery extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'LeftToRecovery';
  }
}

/** Tells those who follow it what to do. `why`: that Redis has lost the record. */
export function leftToOperator(migration: Migration, why: string): LeftToRecovery {
  const { container } = migration.subject;
  const text = `${why}; both copies of container '${container}' stay as they are, and one can be chosen: portkey rescue ${container}`;
  migration.warn(text);
  return new LeftToRecovery(text);
}
