/**
 * Whether this machine holds the two VMs of the whole-VM yardstick beside the test bed.
 *
 * While a VM migrates there are two of them, each with all of its RAM in /dev/shm and touched in advance. What lies in
 * /dev/shm is memory of this machine, too, so there must be room in both; a machine without would have to swap, or kill.
 */
import { readFile } from 'node:fs/promises';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { formatBytes } from '../../../libraries/units/index.js';
import { sharedRoom } from '../../room.js';

export interface WholeVmRoom {
  readonly sharedFreeBytes: number;
  readonly memoryAvailableBytes: number;
}

const mebibyte = 2 ** 20;
/** What the guest writes to its disk. */
const overlayBytes = 64 * mebibyte;
/** Each QEMU's own, code that it has translated included. */
const qemuBytes = 512 * mebibyte;

/** What is missing, in one line; undefined where there is room. */
export function wholeVmShortage(
  vmMemoryBytes: number,
  { sharedFreeBytes, memoryAvailableBytes }: WholeVmRoom,
): string | undefined {
  const sharedBytes = 2 * vmMemoryBytes + overlayBytes;
  const memoryBytes = sharedBytes + 2 * qemuBytes;
  const two = `two more VMs of ${formatBytes(vmMemoryBytes)} need`;
  if (sharedFreeBytes < sharedBytes)
    return `${two} ${formatBytes(sharedBytes)} in /dev/shm, which has ${formatBytes(sharedFreeBytes)} free`;
  if (memoryAvailableBytes < memoryBytes)
    return `${two} ${formatBytes(memoryBytes)} of memory, and this machine has ${formatBytes(memoryAvailableBytes)} available`;
  return undefined;
}

/** Throws `no-room`. */
export async function requireWholeVmRoom(vmMemoryBytes: number): Promise<void> {
  const { freeBytes } = await sharedRoom();
  const memoryAvailableBytes = availableBytes(await readFile('/proc/meminfo', 'utf8'));
  const shortage = wholeVmShortage(vmMemoryBytes, { sharedFreeBytes: freeBytes, memoryAvailableBytes });
  if (shortage !== undefined)
    throw new PortkeyError('no-room', `${shortage}; choose smaller VMs with --vm-memory, or --no-whole-vm`);
}

/** From /proc/meminfo. */
export function availableBytes(meminfo: string): number {
  return Number(/^MemAvailable:\s+(\d+) kB$/m.exec(meminfo)?.[1] ?? 0) * 1024;
}
