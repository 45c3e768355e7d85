/**
 * What there is to remove on both sides once a migration has been decided: as calls, each of them idempotent, none
 * of which must keep the others from being tried. An agent or relay that has nothing of this migration does nothing,
 * so they may also be repeated long after, whatever has become of the container since.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import type { Vm } from '../vms/vm.js';
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
  const { boots, touched, subject, ref, tools } = migration;
  const question = { deadlineMs: tools.limits.questionMs };
  const thaw: Chore = {
    leaves: `the claim on '${subject.container}' on ${source.name}`,
    thaws: true,
    run: async (deadlineMs) => {
      await source.checkpoint.call('Rollback', ref, { deadlineMs });
      migration.thawed = true;
      const { bootId } = await source.checkpoint.ask('GetNode', {}, question);
      // Nothing to undo is no error there, even if it is because the VM was started anew, with another of that name maybe.
      migration.loss = isAnotherBoot(boots.source, bootId)
        ? sourceLost(source, subject.container)
        : undefined;
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

/** Throws where the destination does not answer: nobody knows then. */
export async function lookForLoss(migration: Migration, { destination }: Sides): Promise<void> {
  const { boots, subject, tools } = migration;
  const { bootId } = await destination.restore.ask('GetNode', {}, { deadlineMs: tools.limits.questionMs });
  migration.loss = isAnotherBoot(boots.destination, bootId)
    ? destinationLost(destination, subject.container)
    : undefined;
}

function sourceLost({ name }: Vm, container: string): PortkeyError {
  return new PortkeyError(
    'source-lost',
    `${name} was started anew in the migration, and container '${container}' is gone with what it had; start it with: portkey run`,
  );
}

function destinationLost({ name }: Vm, container: string): PortkeyError {
  return new PortkeyError(
    'destination-lost',
    `${name} was started anew when container '${container}' ran there already, and that is gone with what it had; start it with: portkey run`,
  );
}

/** Once the destination's copy has run. */
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
      run: async (deadlineMs) => {
        await destination.restore.call('Release', migration.ref, { deadlineMs });
        await lookForLoss(migration, sides);
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
