/**
 * Where the processes of workload clients keep their files, and how one is found by its container's name.
 *
 * In `runtimeFolder`: workload-NAME.sock (gRPC), workload-NAME.pid, workload-NAME.json (configuration), and what launch.ts says
 * of a supervisor. The log is workload-NAME.log in `logFolder`.
 */
import path from 'node:path';

import { operatorOf } from '../certificates.js';
import { hostIdentities } from '../identities.js';
import { RpcClient } from '../../libraries/rpc/index.js';

export interface WorkloadPlace {
  readonly runtimeFolder: string;
  readonly logFolder: string;
  /** Network namespace outside the VMs; undefined runs the client in this process' own. */
  readonly namespace: string | undefined;
  /** "host:port" of /metrics; port 0 takes a free one. */
  readonly metrics: string;
  /** The test bed's; undefined where connections are not secured. */
  readonly certificates: string | undefined;
  /** Who starts the clients in the command's place, and where it has their certificates; see launch.ts. */
  readonly supervisor?: { readonly certificates: string };
}

export interface WorkloadFiles {
  /** What the daemon, and so its log, is called. */
  readonly name: string;
  readonly socket: string;
  readonly pid: string;
  readonly config: string;
  readonly wanted: string;
  readonly failed: string;
}

export function workloadFiles(place: Pick<WorkloadPlace, 'runtimeFolder'>, container: string): WorkloadFiles {
  const name = `workload-${container}`;
  const base = path.join(place.runtimeFolder, name);
  const file = (end: string): string => `${base}.${end}`;
  return {
    ...{ name, socket: file('sock'), pid: file('pid'), config: file('json') },
    ...{ wanted: file('wanted'), failed: file('failed') },
  };
}

/** The caller closes it. Nothing is asked of the process yet. */
export function workloadClient(place: WorkloadPlace, container: string): RpcClient<'Workload'> {
  const { socket } = workloadFiles(place, container);
  const security = place.certificates === undefined ? 'insecure' : operatorOf(place.certificates);
  const name = `workload client of ${container}`;
  return new RpcClient('Workload', `unix:${socket}`, name, security, hostIdentities.workload);
}
