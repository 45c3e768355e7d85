/**
 * The states of a migration: the only place where it is written down which may follow which.
 *
 *      pending ──▶ preflight ──▶ precopy ──▶ frozen ──▶ dumped ──▶ landed ──▶ restored ──▶ committed ──▶ activated ──▶ done
 *         │            │            │           │          │          │           │            │             │
 *         │            │            └───────────┴──────────┴──────────┴───────────┤            │             └──▶ failed
 *         ▼            ▼                                                          ▼            ▼
 *       refused     refused            (any of the above but refused) ──────▶  aborted     reverted
 *                                                                                 │            │
 *                                                                                 ├────────────┘
 *                                                                                 ▼
 *                                                                       rolled-back or failed
 *
 * - `pending`: recorded, the container's lock is held; nobody outside the controller knows of it.
 * - `preflight`: checks, and reservations on both sides that a refusal gives back.
 * - `precopy` … `restored`: what the name says has been reached; the source's copy is the container.
 * - `committed` and `aborted` are the two decisions. Both are compare-and-sets on the same record, and neither
 *   may follow the other, so exactly one of them happens whoever asks and whoever crashes. From `committed` on
 *   the destination's copy is the container, as long as its VM lives; from `aborted` on the source's copy is it for good.
 * - `activated` and `reverted` decide once more, in the same way, which copy goes on. `activated`: the destination's has run, so
 *   what it has told clients since exists nowhere else, and the source's, which is older, may be removed. `reverted`: Redis
 *   had not heard of that when the destination's was found to be gone for good (migration/activate.ts), so the source's,
 *   which was not touched, goes on instead.
 * - `done` and `rolled-back` say that the work which follows a decision is finished, but for what the record says
 *   is owed: an end of any kind may owe something to be removed (migration/owed.ts).
 * - `failed`: the copy that counts is gone, because its VM was started anew; or, after `aborted` or `reverted`, the source
 *   could not be told to run again; its reason says which. Once the source has been told after all, and nothing else is
 *   owed, the migration was rolled back (`settledFailure`): nobody follows it any more.
 *
 * The Lua scripts know no state by name: they get the states that a transition may start from, from here.
 */
export const transitions = {
  pending: ['preflight', 'refused', 'aborted'],
  preflight: ['precopy', 'refused', 'aborted'],
  precopy: ['frozen', 'aborted'],
  frozen: ['dumped', 'aborted'],
  dumped: ['landed', 'aborted'],
  landed: ['restored', 'aborted'],
  restored: ['committed', 'aborted'],
  committed: ['activated', 'reverted'],
  activated: ['done', 'failed'],
  reverted: ['rolled-back', 'failed'],
  aborted: ['rolled-back', 'failed'],
  done: [],
  'rolled-back': [],
  refused: [],
  failed: [],
} as const satisfies Record<string, readonly string[]>;

export type MigrationState = keyof typeof transitions;

/** What a failure becomes when it owes nothing any more. */
export const settledFailure = { from: 'failed', to: 'rolled-back' } as const satisfies Record<
  string,
  MigrationState
>;

export const initialState: MigrationState = 'pending';

export const allStates = Object.keys(transitions) as MigrationState[];

export function isMigrationState(text: string): text is MigrationState {
  return Object.hasOwn(transitions, text);
}

/** Ended: no transition leaves it. */
export function isFinal(state: MigrationState): boolean {
  return transitions[state].length === 0;
}

export const finalStates = allStates.filter(isFinal);

export function mayFollow(from: MigrationState, to: MigrationState): boolean {
  const next: readonly MigrationState[] = transitions[from];
  return next.includes(to);
}

/** The states that a transition to `to` may start from. */
export function statesBefore(to: MigrationState): MigrationState[] {
  return allStates.filter((from) => mayFollow(from, to));
}
