/**
 * Whether there is memory for a VM, and for the others that start beside it.
 *
 * VMs start at the same moment, and each sees all memory free, of which it may have its share only. What a VM has taken already
 * is shared memory (its RAM is a file on a tmpfs), so free and shared memory together are what all VMs of the bed can have.
 * Limits: shared memory of others than VMs counts as if it could be had. The numbers are the machine's, but for what the engine
 * allows a container.
 */
import { readFile } from 'node:fs/promises';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { formatBytes } from '../../../libraries/units/index.js';

export interface Memory {
  /** Free, or used for what can be dropped. */
  readonly availableBytes: number;
  readonly sharedBytes: number;
}

/** Besides a VM's memory: disks, what lands, QEMU itself. */
const besidesBytes = 256 * 2 ** 20;
const wayOut = 'end something else, or set PORTKEY_VM_MEMORY to less (512M at least)';

export async function readMemory(): Promise<Memory> {
  const text = await readFile('/proc/meminfo', 'utf8');
  const bytesOf = (name: string): number =>
    Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0) * 1024;
  // Node knows of the limit of a control group.
  const availableBytes = Math.min(bytesOf('MemAvailable'), process.availableMemory());
  return { availableBytes, sharedBytes: bytesOf('Shmem') };
}

/** For one of `vms` VMs of `vmBytes` each. Throws `testbed-failed`. */
export function requireMemory(vmBytes: number, vms: number, { availableBytes, sharedBytes }: Memory): void {
  const oneBytes = vmBytes + besidesBytes;
  const free = `${formatBytes(availableBytes)} are free; ${wayOut}`;
  const size = formatBytes(vmBytes);
  if (oneBytes > availableBytes)
    throw new PortkeyError(
      'testbed-failed',
      `a VM of ${size} needs ${formatBytes(oneBytes)} of memory, and ${free}`,
    );
  const allBytes = vms * oneBytes;
  if (allBytes > availableBytes + sharedBytes)
    throw new PortkeyError(
      'testbed-failed',
      `${vms} VMs of ${size} need ${formatBytes(allBytes)} of memory, and ${free}`,
    );
}
