/**
 * What a container keeps in memory beside its tasks' private pages, from its cgroup (kernel:
 * Documentation/admin-guide/cgroup-v2.rst): content of tmpfs and shared memory (`shmem` in memory.stat), and whatever
 * is swapped out (memory.swap.current). CRIU's final dump carries it, and the destination needs room for it.
 *
 * Limits: memory counts where it was first used, so a tmpfs that somebody outside the container filled is missing.
 */
import { readFile } from 'node:fs/promises';

import { cgroupPath } from './runc-config.js';

/** 0 where the cgroup has no memory controller; without its swap where the kernel has none. */
export async function otherMemoryBytes(name: string, cgroupRoot = '/sys/fs/cgroup'): Promise<number> {
  const read = (file: string): Promise<string> =>
    readFile(`${cgroupRoot}${cgroupPath(name)}/${file}`, 'utf8').catch(() => '');
  const [stat, swap] = await Promise.all([read('memory.stat'), read('memory.swap.current')]);
  return Number(/^shmem (\d+)$/m.exec(stat)?.[1] ?? 0) + Number(swap.trim());
}
