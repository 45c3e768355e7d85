/**
 * The process of a hostile VM: what its relay sees of it, and the floods. Started by hostile-vm.ts, which says what to do.
 *
 * Of the lowest priority: what a VM's own processors take is for its hypervisor to bound, and is not to be measured.
 */
import { constants, setPriority } from 'node:os';

import { greet } from '../testing/scripted-guest.js';
import { ScriptedQemu } from '../testing/scripted-qemu.js';
import { Flooding, type FloodName, type OwnMigration } from './floods.js';

/** `greet`: as a VM that means well, so that a stream of it can be opened; for a flood in a migration of its own. */
export type HostileVmCommand =
  | { readonly do: 'greet'; readonly migrationId: string }
  | { readonly do: 'flood'; readonly name: FloodName }
  | { readonly do: 'calm' | 'stop' };

export type HostileVmAnswer = 'done' | { readonly failed: string };

setPriority(constants.priority.PRIORITY_LOW);
const qemu = await ScriptedQemu.start('vm-hostile');
let own: OwnMigration | undefined;
let flooding: Flooding | undefined;

function answer(text: HostileVmAnswer): void {
  if (process.connected) process.send?.(text);
}

async function obey(command: HostileVmCommand): Promise<void> {
  if (command.do === 'greet') {
    own = { client: (await greet(qemu)).client, migrationId: command.migrationId };
  } else if (command.do === 'flood') {
    flooding = new Flooding(qemu, own);
    await flooding.start(command.name);
  } else {
    const ended = flooding;
    flooding = own = undefined;
    try {
      await ended?.stop();
    } finally {
      if (command.do === 'stop') await stop();
    }
  }
}

async function stop(): Promise<void> {
  await qemu.stop();
  process.disconnect();
}

process.on('disconnect', () => process.exit());
process.on('message', (command: HostileVmCommand) => {
  void obey(command).then(
    () => answer('done'),
    (error: unknown) => answer({ failed: String(error) }),
  );
});
process.send?.({ folder: qemu.folder, config: qemu.config });
