/**
 * The configuration files of what runs on the host's side, from the topology.
 *
 * The agents in the guests write their own (image/guest/setup.sh): they know their address from the kernel's
 * command line. The services check these files against schemas of their own.
 */
import { createHash, randomBytes } from 'node:crypto';

import { filesOf } from '../libraries/certificates/index.js';
import { hostIdentities } from './identities.js';
import {
  containerAddresses,
  type AgentPlace,
  type ControllerPlace,
  type RedisPlace,
  type Topology,
  type VmPlace,
} from './topology.js';
import type { GatewayConfig } from './gateway/routes.js';

const relayPort = 7401;
export const relayMetricsPort = 9401;
const redisUser = 'portkey';
const redisPasswordBytes = 32;

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

/** All controllers are one to the rest: they have the same certificate, and share one Redis. */
export function controllerConfig(
  { socket, address, metrics }: ControllerPlace,
  topology: Topology,
  certificates: string,
): object {
  return {
    listen: [`unix:${socket}`, address],
    metrics,
    security: filesOf(certificates, hostIdentities.controller),
    redis: {
      host: topology.redis.host,
      port: topology.redis.port,
      user: redisUser,
      passwordFile: topology.redis.passwordFile,
    },
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

/**
 * Each command is on disk before it is answered: a commit that was acknowledged stays one. The test bed's "disk" is memory,
 * and its state ends with it.
 */
export function redisCommand({ host, port, folder, users }: RedisPlace): string[] {
  // prettier-ignore
  return [
    'redis-server', '--bind', host, '--port', String(port), '--aclfile', users, '--dir', folder,
    '--save', '', '--appendonly', 'yes', '--appendfsync', 'always', '--daemonize', 'no', '--set-proc-title', 'no',
  ];
}

/** One that only this test bed has. */
export function newRedisPassword(): string {
  return randomBytes(redisPasswordBytes).toString('hex');
}

/**
 * Redis' own list of users (its documentation: ACL). The controller may touch its own keys, and cannot administer. Nobody can
 * be the default user, but it may do everything: Redis 7.0 reads its log of commands in that user's name when it starts, and
 * leaves out what that user may not do.
 */
export function redisUsers(password: string): string {
  const hash = createHash('sha256').update(password).digest('hex');
  const may = '+@all -@admin -@dangerous +info';
  return `user default off resetpass ~* &* +@all\nuser ${redisUser} on #${hash} ~portkey:* &portkey:* ${may}\n`;
}
