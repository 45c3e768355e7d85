/**
 * The processes on the host's side besides the VMs: Redis, the gateway, the relays, the controller.
 *
 * They are started in that order without waiting in between, since each finds its peers by itself.
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';

import { PortkeyError } from '../libraries/errors/index.js';
import { controllerConfig, gatewayConfig, redisCommand, relayConfig } from './configs.js';
import { exists } from './image/temporary.js';
import type { Places } from './paths.js';
import type { Daemon, StartDaemon } from './supervision/daemon.js';
import { outsideNamespace, type Topology } from './topology.js';

/** The relays attach to QEMU's sockets, so the VMs must have been launched. */
export async function startServices(
  topology: Topology,
  places: Places,
  start: StartDaemon,
): Promise<Daemon[]> {
  const node = async (name: string, program: string, args: string[], namespace: string): Promise<Daemon> => {
    const main = path.join(places.project, 'build', program, 'main.js');
    if (!(await exists(main)))
      throw new PortkeyError('testbed-failed', `${main} is missing; run 'npm run build'`);
    return start({ name, argv: [process.execPath, main, ...args], namespace });
  };
  const config = async (file: string, content: object): Promise<string> => {
    await writeFile(file, `${JSON.stringify(content, null, 2)}\n`);
    return file;
  };
  const gateway = await config(topology.gatewayConfig, gatewayConfig(topology));
  const controller = await config(topology.controllerConfig, controllerConfig(topology));
  const services = [
    start({ name: 'redis', argv: redisCommand(topology, places.runtime), namespace: outsideNamespace }),
    await node('gateway', 'testbed/gateway', [gateway], outsideNamespace),
  ];
  if (process.env.PORTKEY_TRIAL) return services;
  for (const vm of topology.vms) {
    const relay = await config(vm.relayConfig, relayConfig(vm));
    services.push(
      await node(`relay-${vm.host}`, 'services/hypervisor-relay', ['--config', relay], vm.namespace),
    );
  }
  services.push(await node('controller', 'services/controller', ['--config', controller], outsideNamespace));
  return services;
}
