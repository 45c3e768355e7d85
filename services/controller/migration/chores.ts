/**
 * What there is to remove on both sides once a migration has been decided: as calls, each of them idempotent, none
 * of which must keep the others from being tried. An agent or relay that has nothing of this migration does nothing,
 * so they may also be repeated long after, whatever has become of the container since.
 */
import type { CallOptions } from '../../../libraries/rpc/index.js';
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

/** The source goes on, what the destination has is discarded. */
export function undoChores(migration: Migration, sides: Sides): Chore[] {
  const { source, destination } = sides;
  const { boots, touched, subject, ref } = migration;
  const thaw: Chore = {
    leaves: `the claim on '${subject.container}' on ${source.name}`,
    thaws: true,
    run: async (deadlineMs) => {
      await source.checkpoint.call('Rollback', ref, { deadlineMs });
      await noteLoss(migration, boots.source, (options) => source.checkpoint.ask('GetNode', {}, options));
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

/** Nothing to undo or to release is no error, even if it is because the VM was started anew, with another of that name maybe. */
async function noteLoss(
  migration: Migration,
  boot: string,
  look: (options: CallOptions) => Promise<{ readonly bootId: string }>,
): Promise<void> {
  const { bootId } = await look({ deadlineMs: migration.tools.limits.questionMs });
  migration.isContainerLost = isAnotherBoot(boot, bootId);
}

/** Once the destination's copy has run. */
export function finishChores(migration: Migration, sides: Sides): Chore[] {
  const { source, destination } = sides;
  const { boots, subject } = migration;
  const { container } = subject;
  return [
    {
      leaves: `the frozen copy of '${container}' on ${source.name}`,
      thaws: false,
      run: (deadlineMs) => source.checkpoint.call('Finish', migration.ref, { deadlineMs }),
    },
    {
      leaves: `the landed images of '${container}' on ${destination.name}`,
      thaws: false,
      run: async (deadlineMs) => {
        await destination.restore.call('Release', migration.ref, { deadlineMs });
        await noteLoss(migration, boots.destination, (options) =>
          destination.restore.ask('GetNode', {}, options),
        );
      },
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
