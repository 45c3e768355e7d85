/**
 * Starts the clients of built-in workloads for commands that do not live as long: the other half of testbed/workload/launch.ts.
 *
 *   NAME.wanted appears → it is taken away → the client is started → NAME.pid → it ends: NAME.failed with how, if nobody ended it
 *
 * Clients are its own children and end with its container. It looks into the folder again and again: a few names in memory,
 * several times a second, cost less than they are worth talking about, and no notice can be missed. Each time it also says that it
 * is there, by the time of a file that the container's health check reads.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { readdir, rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { asPortkeyError } from '../../../libraries/errors/index.js';
import type { Clock } from '../../../libraries/process/index.js';
import { exists } from '../../image/temporary.js';
import { exitText } from '../../supervision/daemon.js';
import { clientCommand, workloadFiles, type WorkloadFiles } from '../../workload/index.js';

const pollMs = 100;
const aliveName = 'alive';
const wantedName = /^workload-(.+)\.wanted$/;

export interface Supervision {
  readonly folder: string;
  readonly clock: Clock;
  readonly report: (line: string) => void;
}

/** Until the signal fires. */
export async function superviseClients(
  { folder, clock, report }: Supervision,
  signal: AbortSignal,
): Promise<void> {
  const alive = path.join(folder, aliveName);
  await writeFile(alive, '');
  while (!signal.aborted) {
    await utimes(alive, clock.wallTime(), clock.wallTime());
    for (const name of await readdir(folder)) {
      const container = wantedName.exec(name)?.[1];
      if (container === undefined) continue;
      try {
        // Who wanted it may have changed its mind.
        await rm(path.join(folder, name));
        await startClient(workloadFiles({ runtimeFolder: folder }, container), report);
      } catch (error) {
        report(`workload-${container}: ${asPortkeyError(error).message}`);
      }
    }
    await clock.sleep(pollMs, signal).catch(() => undefined);
  }
}

async function startClient(files: WorkloadFiles, report: Supervision['report']): Promise<void> {
  const log = openSync(path.join(path.dirname(files.pid), `${files.name}.log`), 'w');
  const [program = '', ...args] = clientCommand(files.config);
  const client = spawn(program, args, { stdio: ['ignore', log, log] });
  closeSync(log);
  const ended = (how: string): void => {
    report(`${files.name} ${how}`);
    writeFileSync(files.failed, `${files.name} ${how}\n`);
  };
  client.once('error', (error) => ended(`cannot be started: ${error.message}`));
  client.once('exit', (code, signal) => {
    if (code === 0) report(`${files.name} ended`);
    else ended(`ended (${exitText(code, signal)})`);
  });
  await writeFile(files.pid, `${client.pid ?? 0}\n`);
  report(`${files.name} runs`);
  // A command that has given up meanwhile found no process to end.
  if (!(await exists(files.config))) client.kill();
}
