/** The one-shot service `setup`: PORTKEY_VMS, PORTKEY_STREAMS; writes below /secrets. */
import { z } from 'zod';

import { runCommand } from '../../../libraries/process/index.js';
import { maximumStreams, maximumVms } from '../../topology.js';
import { readEnvironment, runProgram, wholeNumberText } from '../command.js';
import { setUp } from './set-up.js';

const environment = z.object({
  PORTKEY_VMS: wholeNumberText(2, maximumVms).default(2),
  PORTKEY_STREAMS: wholeNumberText(1, maximumStreams).default(1),
});

await runProgram('setup', async () => {
  const { PORTKEY_VMS: vms, PORTKEY_STREAMS: streams } = readEnvironment(environment, process.env);
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const services = await setUp({ folder: '/secrets', vms, streams }, { owner, run: runCommand });
  console.log(`keys and configurations are there for ${services.join(', ')}`);
});
