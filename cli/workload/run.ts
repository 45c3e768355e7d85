/**
 * Starts a built-in workload: the container through the controller, then its client outside the VMs.
 *
 * Both run, or neither: where the client cannot load its data, or the signal fires before it has, the container is
 * stopped again.
 */
import { PortkeyError } from '../../libraries/errors/index.js';
import type { Container, WorkloadStatus } from '../../libraries/rpc/index.js';
import {
  hasWorkload,
  redisContainer,
  redisPort,
  startWorkload,
  stopWorkload,
  type RedisWorkload,
  type WorkloadPlace,
} from '../../testbed/workload/index.js';
import type { Cli } from '../cli.js';
import type { Controller } from '../controller.js';
import { LiveLines } from '../live-lines.js';
import { formatCount } from '../report/comparison.js';

export interface WorkloadRequest extends RedisWorkload {
  readonly vm: string;
  readonly name: string;
  readonly ip: string;
  readonly memoryLimitBytes: number;
}

export async function runWorkload(
  cli: Pick<Cli, 'output' | 'clock'>,
  controller: Controller,
  place: WorkloadPlace,
  request: WorkloadRequest,
  signal?: AbortSignal,
): Promise<Container> {
  const { vm, name, ip, memoryLimitBytes, memoryBytes, writeBytesPerSecond } = request;
  const spec = { ...redisContainer(name, { memoryBytes, writeBytesPerSecond }, ip), memoryLimitBytes };
  const container = await controller.run(vm, spec);
  // One that its container did not outlive: the controller knew no container of that name.
  if (hasWorkload(place, name)) await stopWorkload(place, name, cli.clock);
  try {
    if (container.ip === '')
      throw new PortkeyError('internal', `the controller gave container ${name} no address of its own`);
    const target = { container: name, host: container.ip, port: redisPort };
    await loading(cli, (onProgress) =>
      startWorkload(place, { ...target, memoryBytes, writeBytesPerSecond }, cli.clock, onProgress, signal),
    );
    return container;
  } catch (error) {
    await controller.stop(name).catch(() => undefined);
    throw error;
  }
}

async function loading(
  { output }: Pick<Cli, 'output'>,
  load: (onProgress: (status: WorkloadStatus) => void) => Promise<WorkloadStatus>,
): Promise<void> {
  const lines = new LiveLines(output.stderr);
  try {
    const status = await load(({ container, loadedKeys, keys }) => {
      if (output.live)
        lines.show([`${container}: loading, ${formatCount(loadedKeys)} of ${formatCount(keys)} values`]);
    });
    if (!output.live) output.note(`${status.container}: ${formatCount(status.keys)} values loaded, writing`);
  } finally {
    if (output.live) lines.clear();
  }
}
