/**
 * Where the VM of the whole-VM yardstick is: one address for both ends, as it moves, and files of its own for each.
 *
 * Everything lies in the test bed's runtime folder and in the namespaces of its hosts, so `testbed down` removes it.
 */
import path from 'node:path';

import type { GuestPlace } from '../../exec.js';
import { certificatesFolder, topologyOf, type VmPlace } from '../../topology.js';
import type { MovablePlace } from '../../vm/qemu-command.js';

/** Of the VM, of its workload's client, and what its files and processes begin with. */
export const wholeVmName = 'whole-vm';

/** Behind the last VM that a test bed can have, before the first container. */
const address = '10.77.0.21';
const mac = '02:70:6b:00:00:15';
const guestAgentPort = 7410;
/** Where a QEMU waits for a VM. */
const migrationPort = 7440;
const tap = `tap-${wholeVmName}`;

export interface WholeVmPlace extends GuestPlace {
  readonly address: string;
  readonly rootOverlay: string;
  readonly gatewayConfig: string;
  readonly identityDisk: string;
  /** The VM starts at the first, goes to the second, and back. */
  readonly ends: readonly [WholeVmEnd, WholeVmEnd];
}

export interface WholeVmEnd {
  readonly host: string;
  readonly namespace: string;
  readonly qemu: MovablePlace;
  /** As QEMU writes addresses. */
  readonly migrationAddress: string;
  /** All that QEMU makes there. */
  readonly files: readonly string[];
}

export function wholeVmPlace(runtime: string): WholeVmPlace {
  const file = (suffix: string): string => path.join(runtime, `${wholeVmName}.${suffix}`);
  const rootOverlay = file('root.qcow2');
  const [first, second] = topologyOf(2, runtime).vms.map((vm) => endOn(vm, rootOverlay, file));
  if (first === undefined || second === undefined) throw new Error('a topology of two VMs has two');
  return {
    name: wholeVmName,
    address,
    rootOverlay,
    gatewayConfig: file('gateway.json'),
    identityDisk: file('identity.ext4'),
    certificates: certificatesFolder(runtime),
    agents: { guest: { address: `${address}:${guestAgentPort}`, socket: file('guest-rpc') } },
    ends: [first, second],
  };
}

function endOn(
  { host, namespace, hostAddress }: VmPlace,
  rootOverlay: string,
  file: (suffix: string) => string,
): WholeVmEnd {
  const ramFile = file(`${host}.ram`);
  const qmpSocket = file(`${host}.qmp`);
  // Nobody connects to the agents' ports, which are there because they are part of the VM.
  const checkpointSocket = file(`${host}.checkpoint`);
  const restoreSocket = file(`${host}.restore`);
  return {
    host,
    namespace,
    qemu: {
      ...{ name: wholeVmName, address, mac, tap, rootOverlay },
      ...{ ramFile, qmpSocket, checkpointSocket, restoreSocket, identityDisk: file('identity.ext4') },
    },
    migrationAddress: `tcp:${hostAddress}:${migrationPort}`,
    files: [ramFile, qmpSocket, checkpointSocket, restoreSocket],
  };
}
