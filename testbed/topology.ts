/**
 * The shape of the test bed: names, addresses and files, all derived from the numbers of VMs and controllers.
 *
 * VM number i (from 0) is vm-a, vm-b, …, alone on host-a, host-b, …. A host is a network namespace; one more,
 * `portkey-outside`, holds the switch and whatever is outside the VMs. All of it is one layer-2 network:
 *
 *   10.77.0.1 + i    host      10.77.0.11 + i   VM      10.77.0.100 … 199   containers      10.77.0.254   outside
 *
 * Controllers are outside, each with ports of its own: number i (from 0) listens on 7400 + i.
 */
import path from 'node:path';

export const outsideNamespace = 'portkey-outside';
export const outsideAddress = '10.77.0.254';
export const containerAddresses = { first: '10.77.0.100', last: '10.77.0.199', prefix: 24 } as const;
export const networkPrefix = 24;

/** Hosts have 10.77.0.1 to .10, which is also as many VMs as one machine will carry. */
export const maximumVms = 10;

/** Two show how one takes over from another; with the third nobody knows which. */
export const maximumControllers = 3;

const redisPort = 6379;

/** As many connections as a relay takes for one migration. */
export const maximumStreams = 8;

export interface VmPlace {
  readonly name: string;
  readonly address: string;
  readonly mac: string;
  readonly host: string;
  readonly namespace: string;
  readonly hostAddress: string;
  readonly ramFile: string;
  /** virtiofs shows it to the guest; has `landing` and `outgoing`. */
  readonly share: string;
  readonly qmpSocket: string;
  readonly checkpointSocket: string;
  readonly restoreSocket: string;
  readonly virtiofsdSocket: string;
  readonly qemuPidFile: string;
  readonly virtiofsdPidFile: string;
  readonly relaySocket: string;
  readonly relayConfig: string;
  /** The test bed's, of which the guest has its own on the disk. */
  readonly certificates: string;
  readonly identityDisk: string;
  readonly agents: Agents;
}

/** gRPC of each agent: on the VMs' network, and as the gateway shows it to this machine's own network. */
export interface Agents {
  readonly guest: AgentPlace;
  readonly checkpoint: AgentPlace;
  readonly restore: AgentPlace;
}

export interface AgentPlace {
  readonly address: string;
  readonly socket: string;
}

export interface ControllerPlace {
  /** "controller", "controller-2", … */
  readonly name: string;
  /** gRPC on the VMs' network, and for this machine's own network. */
  readonly address: string;
  readonly socket: string;
  readonly metrics: string;
  readonly config: string;
}

/** On loopback of the namespace `portkey-outside`, where it is not said otherwise. */
export interface RedisPlace {
  readonly host: string;
  readonly port: number;
  /** Where its data is. */
  readonly folder: string;
  /** Who may do what there. */
  readonly users: string;
  readonly passwordFile: string;
}

export interface Topology {
  readonly vms: readonly VmPlace[];
  readonly controllers: readonly ControllerPlace[];
  readonly gatewayConfig: string;
  readonly redis: RedisPlace;
  readonly codeDisk: string;
}

export function certificatesFolder(runtime: string): string {
  return path.join(runtime, 'certificates');
}

export function topologyOf(vmCount: number, runtime: string, controllerCount = 1): Topology {
  return {
    vms: Array.from({ length: vmCount }, (_, index) => vmPlace(index, runtime)),
    controllers: Array.from({ length: controllerCount }, (_, index) => controllerPlace(index, runtime)),
    gatewayConfig: path.join(runtime, 'gateway.json'),
    redis: {
      host: '127.0.0.1',
      port: redisPort,
      folder: path.join(runtime, 'redis'),
      users: path.join(runtime, 'redis', 'users.acl'),
      passwordFile: path.join(runtime, 'redis', 'password'),
    },
    codeDisk: path.join(runtime, 'code.ext4'),
  };
}

/** "10.77.0.11" → "02:70:6b:00:00:0b". Containers' differ in the fourth byte. */
export function macOf(address: string): string {
  const last = Number(address.split('.').at(-1));
  return `02:70:6b:00:00:${last.toString(16).padStart(2, '0')}`;
}

function controllerPlace(index: number, runtime: string): ControllerPlace {
  const name = index === 0 ? 'controller' : `controller-${index + 1}`;
  return {
    name,
    address: `${outsideAddress}:${7400 + index}`,
    socket: path.join(runtime, `${name}.sock`),
    metrics: `${outsideAddress}:${9400 + index}`,
    config: path.join(runtime, `${name}.json`),
  };
}

function vmPlace(index: number, runtime: string): VmPlace {
  const letter = String.fromCharCode('a'.charCodeAt(0) + index);
  const name = `vm-${letter}`;
  const address = `10.77.0.${11 + index}`;
  const file = (suffix: string): string => path.join(runtime, `${name}.${suffix}`);
  const agent = (kind: string, port: number): AgentPlace => ({
    address: `${address}:${port}`,
    socket: file(`${kind}-rpc`),
  });
  return {
    name,
    address,
    mac: macOf(address),
    host: `host-${letter}`,
    namespace: `portkey-host-${letter}`,
    hostAddress: `10.77.0.${1 + index}`,
    ramFile: path.join(runtime, `ram-${name}`),
    share: path.join(runtime, 'share', name),
    qmpSocket: file('qmp'),
    checkpointSocket: file('checkpoint'),
    restoreSocket: file('restore'),
    virtiofsdSocket: file('virtiofsd'),
    qemuPidFile: file('qemu.pid'),
    virtiofsdPidFile: file('virtiofsd.pid'),
    relaySocket: path.join(runtime, `relay-${letter}.sock`),
    relayConfig: path.join(runtime, `relay-${letter}.json`),
    certificates: certificatesFolder(runtime),
    identityDisk: file('identity.ext4'),
    agents: {
      guest: agent('guest', 7410),
      checkpoint: agent('checkpoint', 7411),
      restore: agent('restore', 7412),
    },
  };
}
