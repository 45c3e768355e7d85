/**
 * Free memory of this machine, touched so that what is measured next does not pay for its first touch.
 *
 * On a machine that is a VM itself, memory that has been free for a while may be the hypervisor's again (free page
 * reporting, ballooning): whoever touches it next waits for a fault outside, at several times the price of clearing a
 * page, and the price is charged to him as CPU. Landing files and the floor's files would pay that by chance. Touching as
 * much, and giving it back, takes it away from all of them; the kernel hands out first what was freed last.
 *
 * Limits: nothing holds the memory until it is used, so on a busy machine some of it may be cold again.
 */
import { open, readFile, rm } from 'node:fs/promises';
import path from 'node:path';

import { errorCodeOf } from '../../libraries/libc/index.js';

const chunkBytes = 16 * 2 ** 20;

/** Whether this machine is a VM: x86 processors say so, others count as none. */
export async function isVirtualMachine(cpuinfo = '/proc/cpuinfo'): Promise<boolean> {
  return /^flags\s*:.*\bhypervisor\b/m.test(await readFile(cpuinfo, 'utf8'));
}

/** `folder` is on tmpfs. Touches as much as there is room for. Throws the signal's reason, and what the file system says. */
export async function touchFreeMemory(
  byteLength: number,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const file = path.join(folder, 'touched');
  const zeroes = Buffer.alloc(chunkBytes);
  const handle = await open(file, 'w');
  try {
    for (let written = 0; written < byteLength; written += chunkBytes) {
      signal.throwIfAborted();
      await handle.write(zeroes, 0, Math.min(chunkBytes, byteLength - written));
    }
  } catch (error) {
    if (errorCodeOf(error) !== 'ENOSPC') throw error;
  } finally {
    await handle.close();
    await rm(file, { force: true });
  }
}
