/**
 * Faults in which something has no room left: what the pages land on, a VM's disk, a VM's memory.
 *
 * Whatever is filled has to stay so while the fault lasts, and nobody else may be what breaks: Redis, whose data are on the same
 * tmpfs as the shares, gets its room beforehand, and the container is not what the kernel kills for want of memory.
 */
import { readdir, stat, statfs } from 'node:fs/promises';
import path from 'node:path';

import { runChecked, runCommand } from '../../libraries/process/index.js';
import { placesOf } from '../../testbed/paths.js';
import { topologyOf, type VmPlace } from '../../testbed/topology.js';
import { container } from './container.js';
import type { Fault } from './fault.js';
import { inGuest, inSlowGuest } from './guests.js';

/** Less than runc and CRIU need for their work; and what is taken of within a second. */
const leftKilobytes = 5 * 1024;
const preparedKilobytes = 210 * 1024;
/** Four times what the container has. */
const preparedDiskKilobytes = 64 * 1024;

/** What one look at how full it is takes, while others write. */
const slackKilobytes = 64;
/** More than Redis writes in a cell. */
const redisBytes = 2 ** 20;

/**
 * No room for another page on the tmpfs that has the shares of all VMs, so that neither what lands nor what the source puts out
 * finds any. A mount on the landing folder alone would not do: a relay takes that for an attack of the guest. The VMs' RAM is there, too: it must have all of its room, or QEMU would be what breaks.
 */
export function fullShares({ share }: VmPlace): Fault {
  const folder = '/dev/shm';
  let before: number | undefined;
  const resize = async (kilobytes: number): Promise<void> => {
    await runChecked(runCommand, ['mount', '-o', `remount,size=${kilobytes}k`, folder]);
  };
  const begin = async (): Promise<void> => {
    const { dev } = await stat(folder);
    if ((await stat(share)).dev !== dev) throw new Error(`${share} is not on the tmpfs at ${folder}`);
    const { vms, redis } = topologyOf(2, placesOf(process.env).runtime);
    await Promise.all(vms.map(({ ramFile }) => requireWhole(ramFile)));
    await giveRoom(path.join(redis.folder, 'appendonlydir'));
    const { blocks, bfree, bsize } = await statfs(folder);
    before = (blocks * bsize) / 1024;
    await resize(((blocks - bfree) * bsize) / 1024 + slackKilobytes);
  };
  return { begin, end: () => (before === undefined ? undefined : resize(before)) };
}

async function requireWhole(file: string): Promise<void> {
  const { size, blocks } = await stat(file);
  if (blocks * 512 < size) throw new Error(`${file} has holes, which a VM could not fill any more`);
}

/** Behind the end of each file, which stays where it is (fallocate(1)). */
async function giveRoom(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const file = path.join(folder, name);
    const { size } = await stat(file);
    await runChecked(runCommand, ['fallocate', '-n', '-o', String(size), '-l', String(redisBytes), file]);
  }
}

/**
 * Where the agents, runc and CRIU write: not a page is left, so that a file of no length is all that can be made. All but what a
 * migration writes there is taken beforehand, since under emulation that takes seconds.
 */
export function fullDisk(vm: string): Fault {
  const file = '/run/full';
  const take = (leftKilobytes: number, name: string): string =>
    `fallocate -l $(($(df --output=avail -k /run | tail -1) - ${leftKilobytes}))K ${file}.${name}`;
  // What is free by the kernel's count of a moment ago is not always there; the last pages are written one by one.
  const fill = `${take(512, 'rest')} && { cat /dev/zero >>${file}.rest 2>/dev/null; :; }`;
  return {
    prepare: () => inGuest(vm, take(preparedDiskKilobytes, 'most')),
    begin: () => inGuest(vm, fill),
    end: () => inGuest(vm, `rm -f ${file}.*`),
  };
}

/**
 * All but 5 MiB of what is free above what the kernel keeps for itself, by a process that the kernel leaves alone when it looks for one to kill: runc and CRIU do not
 * find enough, and the largest agent is what it kills. Most of it is taken beforehand, since under emulation that takes seconds;
 * what is left until then is plenty. `homes`: VMs in which the container must be left alone, too; it takes that along to where
 * it goes.
 */
export function fullMemory(vm: string, homes: readonly string[]): Fault {
  const file = '/tmp/full-memory';
  const take = [
    `kept = int(open('/proc/sys/vm/min_free_kbytes').read())`,
    `free = lambda: int(open('/proc/meminfo').read().split('MemFree:')[1].split()[0]) - kept`,
    `most = b'x' * ((free() - ${preparedKilobytes}) << 10)`,
    `open('${file}.most', 'w').write('taken')`,
    `open('${file}.go').read()`,
    `rest = b'x' * ((free() - ${leftKilobytes}) << 10)`,
    `open('${file}.full', 'w').write('taken')`,
    `import time; time.sleep(600)`,
  ].join('; ');
  // Writing to such a pipe, and reading from it, waits for the other side.
  const prepare =
    `mkfifo ${file}.most ${file}.go ${file}.full && ` +
    `{ nohup python3 -c "${take}" >/dev/null 2>&1 & echo $! >${file}.pid; echo -1000 >/proc/$!/oom_score_adj; ` +
    `read -r taken <${file}.most; }; :`;
  return {
    prepare: () => inGuest(vm, homes.includes(vm) ? `${setScores(-1000)}; ${prepare}` : prepare),
    begin: () => inGuest(vm, `echo go >${file}.go; read -r taken <${file}.full; :`),
    end: async () => {
      await inSlowGuest(vm, `read -r pid <${file}.pid && kill -9 $pid; rm -f ${file}.*`);
      await Promise.all(homes.map((home) => inGuest(home, setScores(0))));
    },
  };
}

/** Of the container's tasks; runc starts them with 0. One may end meanwhile, and the container may not be there. */
function setScores(score: number): string {
  const tasks = `/sys/fs/cgroup/portkey/${container}/cgroup.procs`;
  return `while read -r task; do echo ${score} >/proc/$task/oom_score_adj; done 2>/dev/null <${tasks}; :`;
}
