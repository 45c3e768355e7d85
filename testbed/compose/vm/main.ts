/** The services `vm-a`, `vm-b`, … after their network is made: PORTKEY_VM, PORTKEY_VM_MEMORY, PORTKEY_ACCEL. See entry.sh. */
import { realTools } from '../../tools.js';
import { endSignal, runProgram } from '../command.js';
import { composeRuntime } from '../places.js';
import { runMachine } from './machine.js';
import { readMemory } from './memory.js';
import { readVmSettings } from './settings.js';

const name = process.env.PORTKEY_VM ?? 'vm';
await runProgram(name, async () => {
  const report = (line: string): void => console.log(`${name}: ${line}`);
  await runMachine(
    readVmSettings(process.env),
    await readMemory(),
    realTools(composeRuntime, report, endSignal()),
  );
});
process.exit();
