/** The service `clients`: PORTKEY_CLIENTS, the folder that it shares with the command line's container. */
import { z } from 'zod';

import { systemClock } from '../../../libraries/process/index.js';
import { endSignal, readEnvironment, runProgram } from '../command.js';
import { superviseClients } from './supervisor.js';

const environment = z.object({ PORTKEY_CLIENTS: z.string() });

await runProgram('clients', async () => {
  const { PORTKEY_CLIENTS: folder } = readEnvironment(environment, process.env);
  const report = (line: string): void => console.log(line);
  report('ready to start clients of workloads');
  await superviseClients({ folder, clock: systemClock, report }, endSignal());
});
process.exit();
