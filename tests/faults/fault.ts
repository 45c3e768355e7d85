/**
 * One way to break a part, and how to end it.
 *
 *     prepare ──▶ (the migration begins, and reaches the state) ──▶ begin ──▶ … ──▶ end
 */
export interface Fault {
  /** What takes time, and breaks nothing yet: while `begin` works, a command to Redis stands still, which is given up after 2.5 s. */
  readonly prepare?: () => unknown;
  readonly begin: () => unknown;
  /** Also of one that was only prepared, or not wholly begun. */
  readonly end: () => unknown;
}
