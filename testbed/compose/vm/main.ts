/** The services `vm-a`, `vm-b`, … after their network is made: PORTKEY_VM, PORTKEY_VM_MEMORY, PORTKEY_ACCEL. See entry.sh. */
import { realTools } from '../../tools.js';
import { runProgram } from '../command.js';
import { composeRuntime } from '../places.js';
import { runMachine } from './machine.js';
import { readMemory } from './memory.js';
import { readVmSettings } from './settings.js';

const name = process.env.PORTKEY_VM ?? 'vm';
await runProgram(name, async () => {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  const report = (line: string): void => console.log(`${name}: ${line}`);
  await runMachine(
    readVmSettings(process.env),
    await readMemory(),
    realTools(composeRuntime, report, stop.signal),
  );
});
process.exit();
