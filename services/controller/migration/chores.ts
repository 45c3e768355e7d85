/**
 * What there is to remove on both sides once a migration has been decided: as calls, each of them idempotent, none
 * of which must keep the others from being tried. An agent or relay that has nothing of this migration does nothing,
 * so they may also be repeated long after, whatever has become of the container since.
 */
import { isAnotherBoot } from './boots.js';
import { closeSession } from './close-session.js';
import type { Migration, Sides } from './migration.js';

export interface Chore {
  /** What is left behind if it fails, for people. */
  readonly leaves: string;
  /** The container may stand still until it is done. */
  readonly thaws: boolean;
  readonly run: (deadlineMs: number) => Promise<unknown>;
}

/** What is undone: an attempt, or a commit. */
export type Reversal = 'aborted' | 'reverted';

/** The source goes on, what the destination has is discarded. */
export function undoChores(migration: Migration, sides: Sides, decision: Reversal): Chore[] {
  const { source, destination } = sides;
  const { touched, subject, ref, tools } = migration;
  const thaw: Chore = {
    leaves: `the claim on '${subject.container}' on ${source.name}`,
    thaws: true,
    run: async (deadlineMs) => {
      const { containerGone } = await source.checkpoint.call('Rollback', ref, { deadlineMs });
      // Nothing to undo is no error there, even if it is because the whole VM was started anew, with another of that name maybe.
      const { bootId } = await source.checkpoint.ask('GetNode', {}, { deadlineMs: tools.limits.questionMs });
      // Before a commit nobody removes it, and long after an abort it may have moved.
      const isRemoved = decision === 'reverted' && containerGone;
      migration.isSourceLost = isRemoved || isAnotherBoot(migration.boots.source, bootId);
    },
  };
  const discard: Chore = {
    leaves: `an unused copy of '${subject.container}' on ${destination.name}`,
    thaws: false,
    run: (deadlineMs) => destination.restore.call('Discard', ref, { deadlineMs }),
  };
  return [
    ...(touched.source ? [thaw] : []),
    ...(touched.destination ? [discard] : []),
    ...closeSessions(migration, sides),
  ];
}

/** After the commit, once the destination's copy runs. */
export function finishChores(migration: Migration, sides: Sides): Chore[] {
  const { source, destination } = sides;
  const { container } = migration.subject;
  return [
    {
      leaves: `the frozen copy of '${container}' on ${source.name}`,
      thaws: false,
      run: (deadlineMs) => source.checkpoint.call('Finish', migration.ref, { deadlineMs }),
    },
    {
      leaves: `the landed images of '${container}' on ${destination.name}`,
      thaws: false,
      run: (deadlineMs) => destination.restore.call('Release', migration.ref, { deadlineMs }),
    },
    ...closeSessions(migration, sides),
  ];
}

/** Ends the relays' sessions, which only Portkey mode has, on the sides that were touched. */
function closeSessions(migration: Migration, sides: Sides): Chore[] {
  if (migration.mode === 'criu') return [];
  const { touched } = migration;
  const vms = [
    ...(touched.source ? [sides.source] : []),
    ...(touched.destination ? [sides.destination] : []),
  ];
  return vms.map((vm) => ({
    leaves: `a session and its folders on ${vm.host}`,
    thaws: false,
    run: (deadlineMs) => closeSession(vm, migration.subject.id, deadlineMs),
  }));
}
