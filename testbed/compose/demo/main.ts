/** The service `demo`: PORTKEY_DEMO_SIZE, PORTKEY_DEMO_WRITE_RATE, PORTKEY_DEMO_PAUSE. */
import { z } from 'zod';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { runCommand, systemClock } from '../../../libraries/process/index.js';
import { parseMilliseconds } from '../../../libraries/units/index.js';
import { projectFile } from '../../paths.js';
import { endSignal, readEnvironment, runProgram } from '../command.js';
import { runDemo, type Portkey } from './demo.js';

const environment = z.object({
  PORTKEY_DEMO_SIZE: z.string().default('128M'),
  PORTKEY_DEMO_WRITE_RATE: z.string().default('2M'),
  PORTKEY_DEMO_PAUSE: z.string().default('10s'),
});

const program = projectFile('build/bundle/cli/portkey.mjs');

const portkey: Portkey = async (args, signal) => {
  let interrupt: () => void = () => undefined;
  const onStart = (pid: number): void => {
    interrupt = () => process.kill(pid, 'SIGINT');
    signal?.addEventListener('abort', interrupt, { once: true });
  };
  const { stdout, stderr, exitCode } = await runCommand([process.execPath, program, ...args], {
    timeoutMs: 600_000,
    onStart,
  });
  signal?.removeEventListener('abort', interrupt);
  if (exitCode === 0) return stdout;
  const [command = '', name = ''] = args;
  throw new PortkeyError(
    'command-failed',
    `portkey ${command} ${name}: ${stderr.trim().split('\n').at(-1) ?? ''}`,
  );
};

await runProgram('demo', async () => {
  const settings = readEnvironment(environment, process.env);
  await runDemo(
    {
      container: 'demo',
      vms: ['vm-a', 'vm-b'],
      size: settings.PORTKEY_DEMO_SIZE,
      writeRate: settings.PORTKEY_DEMO_WRITE_RATE,
      pauseMs: parseMilliseconds(settings.PORTKEY_DEMO_PAUSE),
    },
    { portkey, clock: systemClock, report: (line) => console.log(line) },
    endSignal(),
  );
});
