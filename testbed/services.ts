/**
 * The processes on the host's side besides the VMs: Redis, the gateway, the relays, the controllers.
 *
 * They are started in that order without waiting in between, since each finds its peers by itself.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { PortkeyError } from '../libraries/errors/index.js';
import { unprivileged } from '../libraries/process/index.js';
import {
  controllerConfig,
  gatewayConfig,
  newRedisPassword,
  redisCommand,
  redisUsers,
  relayConfig,
} from './configs.js';
import { exists } from './image/temporary.js';
import type { Places } from './paths.js';
import type { Daemon, DaemonSpec, StartDaemon } from './supervision/daemon.js';
import { certificatesFolder, outsideNamespace, type RedisPlace, type Topology } from './topology.js';

const programs = {
  gateway: 'testbed/gateway',
  relay: 'services/hypervisor-relay',
  controller: 'services/controller',
} as const;

/** Throws `testbed-failed` where one of them has not been compiled. */
export async function requireServices(project: string): Promise<void> {
  for (const program of Object.values(programs)) {
    const file = mainOf(project, program);
    if (!(await exists(file)))
      throw new PortkeyError('testbed-failed', `${file} is missing; run 'npm run build'`);
  }
}

/** The relays attach to QEMU's sockets, so the VMs must have been launched. */
export async function startServices(
  topology: Topology,
  streams: number,
  places: Places,
  start: StartDaemon,
): Promise<Daemon[]> {
  const { vms, redis, gatewayConfig: gatewayFile, controllers } = topology;
  await writeJson(gatewayFile, gatewayConfig(topology));
  await writeRedisFiles(redis);
  const certificates = certificatesFolder(places.runtime);
  for (const controller of controllers)
    await writeJson(controller.config, controllerConfig(controller, topology, certificates));
  for (const vm of vms) await writeJson(vm.relayConfig, relayConfig(vm, streams, certificates));
  return serviceSpecs(topology, places).map(start);
}

/** How each is started, with the files that `startServices` has written. */
export function serviceSpecs(topology: Topology, { project }: Pick<Places, 'project'>): DaemonSpec[] {
  const { vms, redis, gatewayConfig: gatewayFile, controllers } = topology;
  // SECURITY.md says that they need no capability.
  const node = (name: string, program: string, args: string[], namespace: string): DaemonSpec => ({
    ...{ name, argv: [...unprivileged, process.execPath, mainOf(project, program), ...args], namespace },
  });
  return [
    { name: 'redis', argv: [...unprivileged, ...redisCommand(redis)], namespace: outsideNamespace },
    node('gateway', programs.gateway, [gatewayFile], outsideNamespace),
    ...vms.map((vm) => node(`relay-${vm.host}`, programs.relay, ['--config', vm.relayConfig], vm.namespace)),
    ...controllers.map(({ name, config }) =>
      node(name, programs.controller, ['--config', config], outsideNamespace),
    ),
  ];
}

function mainOf(project: string, program: string): string {
  return path.join(project, 'build', program, 'main.js');
}

/** Redis' folder, and a password that only this test bed has. */
async function writeRedisFiles({ folder, users, passwordFile }: RedisPlace): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const password = newRedisPassword();
  await writeFile(passwordFile, password, { mode: 0o600 });
  await writeFile(users, redisUsers(password), { mode: 0o600 });
}

async function writeJson(file: string, content: object): Promise<void> {
  await writeFile(file, `${JSON.stringify(content, null, 2)}\n`);
}
