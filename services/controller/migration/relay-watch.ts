/**
 * Watches the relays that pages travel by.
 *
 * A round is a call to the source's agent: the relays work for it all the time, but no call to them is under way that a silence
 * would end. So each is asked a small question every now and then, and one that does not answer it, or has lost the session,
 * cancels the migration: long before the round's own limit, for which a frozen container would stand still.
 *
 * The watch begins and ends with the work that needs it. After that, what a relay does not answer costs no container its time.
 */
import { asPortkeyError } from '../../../libraries/errors/index.js';
import { needed } from '../vms/reachable.js';
import type { Vm } from '../vms/vm.js';
import type { LiveMigration } from './migration.js';

/** Does `work`, which the migration's cancellation must cut short, while the relays of `vms` are watched. */
export async function whileRelaysAnswer<T>(
  migration: LiveMigration,
  vms: readonly Vm[],
  work: () => Promise<T>,
): Promise<T> {
  const worked = new AbortController();
  const watches = vms.map((vm) => watch(migration, vm, worked.signal));
  try {
    return await work();
  } finally {
    worked.abort();
    await Promise.all(watches);
  }
}

/** Until `signal` fires, or the relay fails. */
async function watch(migration: LiveMigration, vm: Vm, signal: AbortSignal): Promise<void> {
  const { clock, limits } = migration.tools;
  const options = { deadlineMs: limits.questionMs, signal };
  try {
    for (;;) {
      await clock.sleep(limits.relayLookMs, signal);
      await needed(vm.relay.call('GetTransfer', migration.session(vm), options), 'relay-unavailable');
    }
  } catch (thrown) {
    if (!signal.aborted) migration.cancel(asPortkeyError(thrown));
  }
}
