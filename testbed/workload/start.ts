/**
 * Starts and ends the processes of workload clients.
 *
 * A client outlives the command that started it. Its pid file is written as soon as it runs, so that taking the
 * test bed down finds it even if the command dies in between. A pid is only ever signalled if its command line still
 * names this client's configuration: a number that was reused is left alone.
 */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { asPortkeyError, PortkeyError } from '../../libraries/errors/index.js';
import type { Clock } from '../../libraries/process/index.js';
import type { WorkloadStatus } from '../../libraries/rpc/index.js';
import type { WorkloadConfig } from './config.js';
import { workloadClient, workloadFiles, type WorkloadFiles, type WorkloadPlace } from './place.js';

const program = fileURLToPath(new URL('main.js', import.meta.url));
const pollMs = 100;
const startWithinMs = 30_000;
const stopWithinMs = 5_000;

export interface StartRequest {
  readonly container: string;
  readonly host: string;
  readonly port: number;
  readonly memoryBytes: number;
  readonly writeBytesPerSecond: number;
}

/**
 * Runs a client and waits until everything is loaded and it writes. Throws `service-unavailable` if its Redis cannot
 * be reached and `stream-broken` if the connection breaks while it loads; the client is ended then.
 */
export async function startWorkload(
  place: WorkloadPlace,
  request: StartRequest,
  clock: Clock,
  onProgress: (status: WorkloadStatus) => void,
): Promise<WorkloadStatus> {
  const files = workloadFiles(place, request.container);
  await mkdir(place.runtimeFolder, { recursive: true });
  await mkdir(place.logFolder, { recursive: true });
  await rm(files.socket, { force: true });
  const config: Omit<WorkloadConfig, 'connectWithinMs'> = {
    listen: [`unix:${files.socket}`],
    metrics: place.metrics,
    logLevel: 'info',
    ...request,
  };
  await writeFile(files.config, JSON.stringify(config));
  await spawnClient(place, files);
  try {
    return await untilWriting(place, request.container, clock, onProgress);
  } catch (error) {
    await stopWorkload(place, request.container, clock);
    const { code, message } = asPortkeyError(error);
    throw new PortkeyError(code, message, { cause: error, details: await logTail(files.log) });
  }
}

/** Ends the client of `container` and removes its files; fine if there is none. */
export async function stopWorkload(place: WorkloadPlace, container: string, clock: Clock): Promise<void> {
  const files = workloadFiles(place, container);
  const startMs = clock.monotonicMs();
  while (await signal(files, clock.monotonicMs() - startMs < stopWithinMs ? 'SIGTERM' : 'SIGKILL'))
    await clock.sleep(pollMs);
  await Promise.all([files.socket, files.pid, files.config].map((file) => rm(file, { force: true })));
}

/** Whether a client was started for `container` and not stopped since. */
export function hasWorkload(place: WorkloadPlace, container: string): boolean {
  return existsSync(workloadFiles(place, container).pid);
}

async function spawnClient(place: WorkloadPlace, files: WorkloadFiles): Promise<void> {
  const node = [process.execPath, program, '--config', files.config];
  const [command = '', ...args] =
    place.namespace === undefined ? node : ['ip', 'netns', 'exec', place.namespace, ...node];
  const log = openSync(files.log, 'w');
  try {
    const child = spawn(command, args, { detached: true, stdio: ['ignore', log, log] });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (cause) =>
        reject(new PortkeyError('missing-program', `cannot run ${command}: ${cause.message}`, { cause })),
      );
    });
    await writeFile(files.pid, `${child.pid ?? 0}\n`);
    child.unref();
  } finally {
    closeSync(log);
  }
}

async function untilWriting(
  place: WorkloadPlace,
  container: string,
  clock: Clock,
  onProgress: (status: WorkloadStatus) => void,
): Promise<WorkloadStatus> {
  const client = workloadClient(place, container);
  try {
    for (;;) {
      const status = await client.call('GetStatus', {}, { deadlineMs: startWithinMs, waitForReady: true });
      if (status.phase === 'writing') return status;
      if (status.phase === 'broken') throw new PortkeyError('stream-broken', status.detail);
      onProgress(status);
      await clock.sleep(pollMs);
    }
  } finally {
    client.close();
  }
}

/** True if the process was there to get the signal. */
async function signal(files: WorkloadFiles, name: 'SIGTERM' | 'SIGKILL'): Promise<boolean> {
  const pid = Number(await readFile(files.pid, 'utf8').catch(() => '0'));
  if (!Number.isInteger(pid) || pid <= 0) return false;
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  if (!commandLine.split('\0').includes(files.config)) return false;
  process.kill(pid, name);
  return true;
}

async function logTail(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').slice(-20).join('\n');
}
