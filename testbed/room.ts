/**
 * Room in /dev/shm: what a test bed takes there, and whether it is there.
 *
 * Besides the VMs' RAM there are the code disk and the folders in which containers land. What lands is as large as
 * the container, which nobody knows before; the allowance is for one of the default size, and its dump. Who knows more
 * says so in `besidesBytes`.
 */
import { statfs } from 'node:fs/promises';

import { PortkeyError } from '../libraries/errors/index.js';
import { formatBytes } from '../libraries/units/index.js';

export interface Room {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

export interface Size {
  readonly vms: number;
  readonly vmMemoryBytes: number;
  /** What will lie there on top of the allowance. */
  readonly besidesBytes?: number;
}

export interface Shortage {
  /** What is missing, and what could be done about it: one line each. */
  readonly problem: string;
  readonly fix: string;
  /** The part of `fix` that leaves the test bed as large as it is. */
  readonly enlarge: string;
}

const folder = '/dev/shm';
const besidesRamBytes = 512 * 2 ** 20;

export async function sharedRoom(): Promise<Room> {
  const { bavail, blocks, bsize } = await statfs(folder);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

/** Undefined where a test bed of this size fits. */
export function shortageOf(
  { vms, vmMemoryBytes, besidesBytes = 0 }: Size,
  { freeBytes, totalBytes }: Room,
): Shortage | undefined {
  const neededBytes = vms * vmMemoryBytes + besidesRamBytes + besidesBytes;
  if (freeBytes >= neededBytes) return undefined;
  const gibibytes = Math.ceil((totalBytes - freeBytes + neededBytes) / 2 ** 30);
  const size = `${vms} × ${formatBytes(vmMemoryBytes)}`;
  const needed = `a test bed of ${size} needs ${formatBytes(neededBytes)} in ${folder}`;
  const enlarge = `enlarge it: mount -o remount,size=${gibibytes}G ${folder}`;
  return {
    problem: `${needed}, which has ${formatBytes(freeBytes)} free`,
    fix: `choose less with --vm-memory, or ${enlarge}`,
    enlarge,
  };
}

/** Throws `testbed-failed`. */
export async function requireRoom(size: Size): Promise<void> {
  const shortage = shortageOf(size, await sharedRoom());
  if (shortage !== undefined)
    throw new PortkeyError('testbed-failed', `${shortage.problem}; ${shortage.fix}`);
}
