/** Ends a migration's session at the relay of a VM's host. Idempotent. */
import { asPortkeyError } from '../../../libraries/errors/index.js';
import type { Vm } from '../vms/vm.js';

export async function closeSession(vm: Vm, migrationId: string, deadlineMs: number): Promise<void> {
  try {
    await vm.relay.call('CloseSession', { migrationId, vm: vm.name }, { deadlineMs });
  } catch (thrown) {
    // A relay that does not know the VM, or the session, has none to close.
    const { code } = asPortkeyError(thrown);
    if (code !== 'vm-unknown' && code !== 'session-unknown') throw thrown;
  }
}
