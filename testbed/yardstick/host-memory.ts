/**
 * Free memory of this machine, touched so that what is measured next does not pay for its first touch.
 *
 * On a machine that is a VM itself, memory that has been free for a while may be the hypervisor's again (free page
 * reporting, ballooning): whoever touches it next waits for a fault outside, at several times the price of clearing a
 * page, and the price is charged to him as CPU. Landing files and the floor's files would pay that by chance. Touching all
 * that is free, and giving it back, takes it away from all of them. Touching only as much as will be used does not: it is
 * not the same memory that is handed out next.
 *
 * Limits: nothing holds the memory until it is used, so some of it may be cold again.
 */
import { open, readFile, rm } from 'node:fs/promises';
import path from 'node:path';

import { errorCodeOf } from '../../libraries/libc/index.js';

const chunkBytes = 16 * 2 ** 20;
/** So that nobody has to give up page cache meanwhile. */
const leftAloneBytes = 2 ** 30;

/** Whether this machine is a VM: x86 processors say so, others count as none. */
export async function isVirtualMachine(cpuinfo = '/proc/cpuinfo'): Promise<boolean> {
  return /^flags\s*:.*\bhypervisor\b/m.test(await readFile(cpuinfo, 'utf8'));
}

/** All that is free but a rest, or as much as there is room for in `folder`, which is on tmpfs. Throws the signal's reason. */
export async function touchFreeMemory(folder: string, signal: AbortSignal): Promise<void> {
  await touch(Math.max(0, (await freeBytes()) - leftAloneBytes), folder, signal);
}

/** Also throws what the file system says. */
export async function touch(byteLength: number, folder: string, signal: AbortSignal): Promise<void> {
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

/** What nobody uses, not even as page cache (man proc_meminfo). */
async function freeBytes(): Promise<number> {
  const kibibytes = /^MemFree:\s+(\d+) kB$/m.exec(await readFile('/proc/meminfo', 'utf8'))?.[1];
  return Number(kibibytes ?? 0) * 1024;
}
