/**
 * The configuration files of what runs on the host's side, from the topology.
 *
 * The agents in the guests write their own (image/guest/setup.sh): they know their address from the kernel's
 * command line. The services check these files against schemas of their own.
 */
import { filesOf } from '../libraries/certificates/index.js';
import { hostIdentities } from './identities.js';
import {
  containerAddresses,
  outsideAddress,
  type AgentPlace,
  type Topology,
  type VmPlace,
} from './topology.js';
import type { GatewayConfig } from './gateway/routes.js';

const relayPort = 7401;
const relayMetricsPort = 9401;
const controllerPort = 7400;
const controllerMetricsPort = 9400;

/** `streams`: connections of each migration from here. */
export function relayConfig(vm: VmPlace, streams: number, certificates: string): object {
  const { name, ramFile, qmpSocket, qemuPidFile, virtiofsdPidFile, checkpointSocket, restoreSocket, share } =
    vm;
  return {
    host: vm.host,
    listen: [`unix:${vm.relaySocket}`, `${vm.hostAddress}:${relayPort}`],
    metrics: `${vm.hostAddress}:${relayMetricsPort}`,
    security: filesOf(certificates, { role: 'relay', name: vm.host }),
    dataAddress: vm.hostAddress,
    streams,
    vms: [
      { name, ramFile, qmpSocket, qemuPidFile, virtiofsdPidFile, checkpointSocket, restoreSocket, share },
    ],
  };
}

export function controllerConfig(topology: Topology, certificates: string): object {
  return {
    listen: [`unix:${topology.controllerSocket}`, `${outsideAddress}:${controllerPort}`],
    metrics: `${outsideAddress}:${controllerMetricsPort}`,
    security: filesOf(certificates, hostIdentities.controller),
    redis: { path: topology.redisSocket },
    containerAddresses,
    vms: topology.vms.map((vm) => ({
      name: vm.name,
      host: vm.host,
      checkpoint: vm.agents.checkpoint.address,
      restore: vm.agents.restore.address,
      relay: `${vm.hostAddress}:${relayPort}`,
    })),
  };
}

export function gatewayConfig(topology: Topology): GatewayConfig {
  return { routes: topology.vms.flatMap((vm) => Object.values(vm.agents).map(routeTo)) };
}

function routeTo({ address, socket }: AgentPlace): GatewayConfig['routes'][number] {
  const separator = address.lastIndexOf(':');
  return { socket, host: address.slice(0, separator), port: Number(address.slice(separator + 1)) };
}

/** In memory only: the state of a test bed ends with it. */
export function redisCommand(socket: string, runtime: string): string[] {
  // prettier-ignore
  return [
    'redis-server', '--port', '0', '--unixsocket', socket, '--unixsocketperm', '700',
    '--save', '', '--appendonly', 'no', '--dir', runtime, '--daemonize', 'no', '--set-proc-title', 'no',
  ];
}
