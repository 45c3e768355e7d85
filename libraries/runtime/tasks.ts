/**
 * The tasks of a container, from its cgroup and /proc.
 *
 * A task here is a process (thread group): memory belongs to it, and CRIU's images are named after its pid inside
 * the container's pid namespace (the last field of NSpid). Tasks come and go at any time; whatever vanishes while
 * it is read is left out. A pid is the same task only if its start time is the same.
 *
 * All of it is the kernel's memory, so nothing here waits for anything, and reading it at once spares an emulated guest
 * the four trips through Node's thread pool that an asynchronous read of a file takes.
 */
import { readdirSync, readFileSync } from 'node:fs';

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
  /** Forked (or vforked, and then it has its parent's memory), and has not called exec since. */
  readonly forkedOnly: boolean;
}

/** PF_FORKNOEXEC (kernel: include/linux/sched.h): set by fork, cleared by exec. */
const forkedNotExeced = 0x40;

export function tasksOf(name: string, roots = { cgroup: '/sys/fs/cgroup', proc: '/proc' }): Task[] {
  const pids = pidsBelow(`${roots.cgroup}${cgroupPath(name)}`);
  const tasks = pids.map((pid) => readTask(roots.proc, pid));
  return tasks.filter((task) => task !== undefined).sort((a, b) => a.namespacePid - b.namespacePid);
}

function pidsBelow(folder: string): number[] {
  const procs = unlessGone(() => readFileSync(`${folder}/cgroup.procs`, 'utf8')) ?? '';
  const entries = unlessGone(() => readdirSync(folder, { withFileTypes: true })) ?? [];
  const folders = entries.filter((entry) => entry.isDirectory());
  const below = folders.flatMap(({ name }) => pidsBelow(`${folder}/${name}`));
  return [...procs.split('\n').filter(Boolean).map(Number), ...below];
}

function readTask(proc: string, pid: number): Task | undefined {
  const stat = unlessGone(() => readFileSync(`${proc}/${pid}/stat`, 'utf8'));
  const status = unlessGone(() => readFileSync(`${proc}/${pid}/status`, 'utf8'));
  if (stat === undefined || status === undefined) return undefined;
  const field = statFields(stat);
  return {
    pid,
    namespacePid: Number(lastNumber(status, 'NSpid')),
    startTicks: Number(field(22)),
    threadCount: Number(field(20)),
    privateBytes: Number(lastNumber(status, 'RssAnon', ' kB')) * 1024,
    stopped: field(3) === 'T' || field(3) === 't',
    forkedOnly: (Number(field(9)) & forkedNotExeced) !== 0,
  };
}

function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function lastNumber(status: string, key: string, unit = ''): string {
  return new RegExp(`^${key}:.*?(\\d+)${unit}$`, 'm').exec(status)?.[1] ?? '0';
}
