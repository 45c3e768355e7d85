/**
 * Starts and ends the processes of workload clients.
 *
 * A client is one of the test bed's daemons: it outlives the command that started it and ends with the test bed. Its
 * pid is only ever signalled if the command line still names this client's configuration: a number that was reused
 * is left alone.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';

import { PortkeyError } from '../../libraries/errors/index.js';
import type { Clock } from '../../libraries/process/index.js';
import type { WorkloadStatus } from '../../libraries/rpc/index.js';
import { filesOf } from '../../libraries/certificates/index.js';
import { hostIdentities } from '../identities.js';
import type { Daemon } from '../supervision/daemon.js';
import type { WorkloadConfig } from './config.js';
import { launchClient } from './launch.js';
import { workloadClient, workloadFiles, type WorkloadFiles, type WorkloadPlace } from './place.js';

const pollMs = 100;
const startWithinMs = 30_000;
const callMs = 5_000;
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
 * be reached, `stream-broken` if the connection breaks while it loads, and the signal's reason when that fires before
 * everything is loaded; the client is ended then.
 */
export async function startWorkload(
  place: WorkloadPlace,
  request: StartRequest,
  clock: Clock,
  onProgress: (status: WorkloadStatus) => void,
  signal?: AbortSignal,
): Promise<WorkloadStatus> {
  const files = workloadFiles(place, request.container);
  await mkdir(place.runtimeFolder, { recursive: true });
  await mkdir(place.logFolder, { recursive: true });
  await rm(files.socket, { force: true });
  const config: Omit<WorkloadConfig, 'connectWithinMs'> = {
    listen: [`unix:${files.socket}`],
    metrics: place.metrics,
    logLevel: 'info',
    security: securityOf(place),
    ...request,
  };
  await writeFile(files.config, JSON.stringify(config));
  const client = await launchClient(place, files);
  try {
    return await untilWriting(place, request.container, client, { clock, onProgress, signal });
  } catch (error) {
    await stopWorkload(place, request.container, clock);
    throw error;
  }
}

/** Ends the client of `container` and removes its files; fine if there is none. */
export async function stopWorkload(place: WorkloadPlace, container: string, clock: Clock): Promise<void> {
  const files = workloadFiles(place, container);
  const pid = await clientPid(files);
  if (pid !== undefined) {
    // Once only: a service takes a second SIGTERM as "end at once".
    process.kill(pid, 'SIGTERM');
    const deadline = clock.monotonicMs() + stopWithinMs;
    while ((await clientPid(files)) !== undefined) {
      if (clock.monotonicMs() > deadline) process.kill(pid, 'SIGKILL');
      await clock.sleep(pollMs);
    }
  }
  const all = [files.socket, files.pid, files.config, files.wanted, files.failed];
  await Promise.all(all.map((file) => rm(file, { force: true })));
}

/** Whether a client was started for `container` and not stopped since. */
export function hasWorkload(place: WorkloadPlace, container: string): boolean {
  return existsSync(workloadFiles(place, container).pid);
}

interface Watch {
  readonly clock: Clock;
  readonly onProgress: (status: WorkloadStatus) => void;
  readonly signal: AbortSignal | undefined;
}

async function untilWriting(
  place: WorkloadPlace,
  container: string,
  daemon: Pick<Daemon, 'failure'>,
  { clock, onProgress, signal }: Watch,
): Promise<WorkloadStatus> {
  const client = workloadClient(place, container);
  const deadline = clock.monotonicMs() + startWithinMs;
  try {
    for (;;) {
      signal?.throwIfAborted();
      const status = await client.call('GetStatus', {}, { deadlineMs: callMs }).catch((error: unknown) => {
        if (clock.monotonicMs() > deadline) throw daemon.failure() ?? error;
        return undefined;
      });
      const failure = daemon.failure();
      if (failure !== undefined) throw failure;
      if (status?.phase === 'writing') return status;
      if (status?.phase === 'broken') throw new PortkeyError('stream-broken', status.detail);
      if (status !== undefined) onProgress(status);
      await clock.sleep(pollMs);
    }
  } finally {
    client.close();
  }
}

function securityOf({ certificates, supervisor }: WorkloadPlace): WorkloadConfig['security'] {
  const folder = supervisor?.certificates ?? certificates;
  return folder === undefined ? 'insecure' : filesOf(folder, hostIdentities.workload);
}

/** The client's pid while it runs. */
async function clientPid(files: WorkloadFiles): Promise<number | undefined> {
  const pid = Number(await readFile(files.pid, 'utf8').catch(() => '0'));
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return commandLine.split('\0').includes(files.config) ? pid : undefined;
}
