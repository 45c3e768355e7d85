/**
 * Calls that remove something on one side: each is idempotent, each is tried for a while, and none keeps the
 * others from being tried.
 */
import { asPortkeyError, type PortkeyError } from '../../../libraries/errors/index.js';
import { retry } from '../retry.js';
import type { Vm } from '../vms/vm.js';
import type { Migration, Sides } from './migration.js';

export interface Chore {
  /** What is left behind if it fails, for people. */
  readonly leaves: string;
  readonly run: (deadlineMs: number) => Promise<unknown>;
}

export interface Failure {
  readonly chore: Chore;
  readonly error: PortkeyError;
}

/** Does all chores at once; returns those that failed to the end. */
export async function doChores(migration: Migration, chores: readonly Chore[]): Promise<Failure[]> {
  const { clock, limits, lifetime } = migration.tools;
  const outcomes = await Promise.all(
    chores.map(async (chore): Promise<Failure | undefined> => {
      try {
        await retry({ clock, limits, until: lifetime, patienceMs: limits.undoPatienceMs }, () =>
          chore.run(limits.undoCallMs),
        );
        return undefined;
      } catch (thrown) {
        return { chore, error: asPortkeyError(thrown) };
      }
    }),
  );
  return outcomes.filter((outcome) => outcome !== undefined);
}

/** Ends the relays' sessions, which only Portkey mode has, on the sides that were touched. */
export function closeSessions(migration: Migration, sides: Sides): Chore[] {
  if (migration.mode === 'criu') return [];
  const { touched } = migration;
  const vms = [
    ...(touched.source ? [sides.source] : []),
    ...(touched.destination ? [sides.destination] : []),
  ];
  return vms.map((vm) => ({
    leaves: `a session and its folders on ${vm.host}`,
    run: (deadlineMs) => closeSession(migration, vm, deadlineMs),
  }));
}

async function closeSession(migration: Migration, vm: Vm, deadlineMs: number): Promise<void> {
  try {
    await vm.relay.call('CloseSession', migration.session(vm), { deadlineMs });
  } catch (thrown) {
    // A relay that does not know the VM, or the session, has none to close.
    const { code } = asPortkeyError(thrown);
    if (code !== 'vm-unknown' && code !== 'session-unknown') throw thrown;
  }
}
