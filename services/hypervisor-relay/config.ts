/** The relay's configuration: one host, and the VMs on it. */
import { z } from 'zod';

import { commonConfig, identityName } from '../../libraries/service/index.js';
import { maxStreams } from './stream/bodies.js';

const path = z.string().startsWith('/', 'write an absolute path');

const vmConfig = z.strictObject({
  name: identityName,
  /** The file behind the VM's memory (memory-backend-file,share=on). */
  ramFile: path,
  qmpSocket: path,
  qemuPidFile: path,
  /** May hold several pids, one a line. */
  virtiofsdPidFile: path,
  /** QEMU's ends of the virtio-serial ports portkey.checkpoint and portkey.restore. */
  checkpointSocket: path,
  restoreSocket: path,
  /** Shared with the guest by virtiofs; has the folders `landing` and `outgoing`. */
  share: path,
});

export const relayConfig = z
  .strictObject({
    ...commonConfig,
    host: identityName,
    /** Where landings wait for other relays: an address on the hosts' network. */
    dataAddress: z.ipv4(),
    /** Connections for each migration from here to another relay, with a thread each at either end. */
    streams: z.int().min(1).max(maxStreams).default(1),
    vms: z.array(vmConfig),
  })
  .refine(({ vms }) => new Set(vms.map(({ name }) => name)).size === vms.length, {
    path: ['vms'],
    message: 'two VMs have the same name',
  });

export type RelayConfig = z.infer<typeof relayConfig>;
export type VmConfig = z.infer<typeof vmConfig>;
