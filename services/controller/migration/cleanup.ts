/**
 * Calls that remove something on one side: each is idempotent, none keeps the others from being tried.
 *
 * Somebody waits for the migration's end, so each is tried for a while only (`doChores`). What is left then is
 * tried on in the background until it works or the controller stops (`keepAt`): an agent that was away for long
 * must not leave a frozen container, a claim or images behind when it comes back.
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
        const onFailure = (error: PortkeyError, attempt: number): void => {
          if (attempt === 1)
            migration.journal.note('progress', `cleaning up, trying again: ${error.message}`);
        };
        await retry({ clock, limits, until: lifetime, patienceMs: limits.undoPatienceMs, onFailure }, () =>
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

/** Goes on with what `doChores` had to leave. Nobody waits for this any more; the log says how it ended. */
export function keepAt(migration: Migration, failures: readonly Failure[]): void {
  const { clock, limits, lifetime, log } = migration.tools;
  const { id } = migration.subject;
  for (const { chore } of failures) {
    retry({ clock, limits, until: lifetime, patienceMs: Infinity }, () => chore.run(limits.undoCallMs)).then(
      () => log.info({ id }, `removed after all: ${chore.leaves}`),
      () => log.warn({ id }, `left behind: ${chore.leaves}`),
    );
  }
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
