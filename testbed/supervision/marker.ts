/**
 * How the test bed knows its own processes: each is started with a marker in its environment, which its children
 * inherit and the kernel shows in /proc/PID/environ. No list of pids has to survive a crash, and no process
 * without the marker is ever signalled, whatever its name or arguments. Nor is one in a pid namespace of its own, which can be
 * seen from here: that is a test bed which is isolated from this one (scripts/isolated.sh).
 *
 * Limit: a program that overwrites its own environment to set its title hides the marker, so Redis is started
 * with `set-proc-title no`.
 */
import { readdir, readFile, readlink } from 'node:fs/promises';

const variable = 'PORTKEY_TESTBED';

/** For the environment of everything that must end with the test bed. */
export function markerOf(runtime: string): Record<string, string> {
  return { [variable]: runtime };
}

/** Pids of the running processes with this test bed's marker, the caller excluded. */
export async function markedProcesses(runtime: string): Promise<number[]> {
  const names = await readdir('/proc');
  const pids = names.filter((name) => /^\d+$/.test(name)).map(Number);
  const marked = await Promise.all(pids.map((pid) => isMarked(pid, runtime)));
  return pids.filter((pid, index) => marked[index] === true && pid !== process.pid);
}

/** False too for a process that is gone, a zombie, in another pid namespace, or not ours to look into. */
export async function isMarked(pid: number, runtime: string): Promise<boolean> {
  const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
  if (!environment.split('\0').includes(`${variable}=${runtime}`)) return false;
  return (await pidNamespaceOf(pid)) === (await pidNamespaceOf('self'));
}

const pidNamespaceOf = (pid: number | 'self'): Promise<string> =>
  readlink(`/proc/${pid}/ns/pid`).catch(() => `none of ${pid}`);
