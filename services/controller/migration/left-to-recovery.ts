/**
 * Thrown where this process must do nothing more about a migration, neither go on nor roll back, because somebody
 * else decides about it now: another controller that has taken over, this one's next start, or, where Redis has lost the
 * record from the commit on, an operator (left-to-operator.ts).
 */
export class LeftToRecovery extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'LeftToRecovery';
  }
}
