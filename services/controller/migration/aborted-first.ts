/**
 * Thrown by a step that came too late: somebody (`portkey cancel`, from wherever) had the migration aborted in
 * Redis. What is left to do is to roll back, for the abort's reason.
 */
import type { PortkeyError } from '../../../libraries/errors/index.js';

export class AbortedFirst extends Error {
  constructor(readonly reason: PortkeyError) {
    super(reason.message);
    this.name = 'AbortedFirst';
  }
}
