/** First step of the services `vm-a`, `vm-b`, …, as root: PORTKEY_VM, PORTKEY_LINK. See entry.sh. */
import { runCommand } from '../../../libraries/process/index.js';
import { runProgram } from '../command.js';
import { portkeyId } from '../places.js';
import { makeHostNetwork } from './host-network.js';
import { linkOf, readVmSettings, vmOf } from './settings.js';

await runProgram(process.env.PORTKEY_VM ?? 'vm', async () => {
  const settings = readVmSettings(process.env);
  await makeHostNetwork(vmOf(settings), linkOf(settings), portkeyId, runCommand);
});
