/**
 * The tasks of a container, from its cgroup and /proc.
 *
 * A task here is a process (thread group): memory belongs to it, and CRIU's images are named after its pid inside
 * the container's pid namespace (the last field of NSpid). Tasks come and go at any time; whatever vanishes while
 * it is read is left out. A pid is the same task only if its start time is the same.
 */
import { readFile, readdir } from 'node:fs/promises';

import { statFields } from './proc-stat.js';
import { cgroupPath } from './runc-config.js';

export interface Task {
  readonly pid: number;
  /** The pid inside the container. */
  readonly namespacePid: number;
  /** Clock ticks since boot; with the pid it names the task for good. */
  readonly startTicks: number;
  readonly threadCount: number;
  readonly privateBytes: number;
  readonly stopped: boolean;
}

export async function tasksOf(
  name: string,
  roots = { cgroup: '/sys/fs/cgroup', proc: '/proc' },
): Promise<Task[]> {
  const pids = await pidsBelow(`${roots.cgroup}${cgroupPath(name)}`);
  const tasks = await Promise.all(pids.map((pid) => readTask(roots.proc, pid)));
  return tasks.filter((task) => task !== undefined).sort((a, b) => a.namespacePid - b.namespacePid);
}

async function pidsBelow(folder: string): Promise<number[]> {
  const procs = await readFile(`${folder}/cgroup.procs`, 'utf8').catch(() => '');
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const below = await Promise.all(
    entries.filter((entry) => entry.isDirectory()).map((entry) => pidsBelow(`${folder}/${entry.name}`)),
  );
  return [...procs.split('\n').filter(Boolean).map(Number), ...below.flat()];
}

async function readTask(proc: string, pid: number): Promise<Task | undefined> {
  try {
    const [stat, status] = await Promise.all([
      readFile(`${proc}/${pid}/stat`, 'utf8'),
      readFile(`${proc}/${pid}/status`, 'utf8'),
    ]);
    const field = statFields(stat);
    return {
      pid,
      namespacePid: Number(lastNumber(status, 'NSpid')),
      startTicks: Number(field(22)),
      threadCount: Number(field(20)),
      privateBytes: Number(lastNumber(status, 'RssAnon', ' kB')) * 1024,
      stopped: field(3) === 'T' || field(3) === 't',
    };
  } catch {
    return undefined;
  }
}

function lastNumber(status: string, key: string, unit = ''): string {
  return new RegExp(`^${key}:.*?(\\d+)${unit}$`, 'm').exec(status)?.[1] ?? '0';
}
