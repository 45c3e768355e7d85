/**
 * Where things are in the containers of compose.yaml, which names the same addresses, ids and folders.
 *
 * The network is the test bed's own (testbed/topology.ts), with each host, the VM behind it and the controller where they always
 * are. Beside them the engine's gateway is .253, Redis .252 and Prometheus .251; what needs no fixed address gets one of .224
 * to .239.
 */
import path from 'node:path';

import { topologyOf, type Topology } from '../topology.js';
import type { WorkloadPlace } from '../workload/index.js';

/** Of a host's container and its relay's: RAM, sockets, the share. Of the clients' container: their files. */
export const composeRuntime = '/run/portkey';

/** User and group of all that needs no privilege, and the group that may read secrets. */
export const portkeyId = 10_077;

export const redisAddress = '10.77.0.252';

/** Where compose shows a service what it alone may read. */
export function secretOf(service: string): string {
  return path.join('/run/secrets', service);
}

export function composeTopology(vmCount: number): Topology {
  const topology = topologyOf(vmCount, composeRuntime);
  const redis = {
    ...topology.redis,
    host: redisAddress,
    passwordFile: path.join(secretOf('controller'), 'redis-password'),
  };
  return { ...topology, redis };
}

/** Of the clients' container, `folder` being the volume that it shares with the command line's. */
export function composeClients(folder: string): Omit<WorkloadPlace, 'certificates'> {
  return {
    ...{ runtimeFolder: folder, logFolder: folder },
    ...{ namespace: undefined, metrics: '0.0.0.0:0' },
    supervisor: { certificates: secretOf('clients') },
  };
}
