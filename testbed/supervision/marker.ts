/**
 * How the test bed knows its own processes: each is started with a marker in its environment, which its children
 * inherit and the kernel shows in /proc/PID/environ. No list of pids has to survive a crash, and no process
 * without the marker is ever signalled, whatever its name or arguments.
 *
 * Limit: a program that overwrites its own environment to set its title hides the marker, so Redis is started
 * with `set-proc-title no`.
 */
import { readdir, readFile } from 'node:fs/promises';

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

/** False too for a process that is gone, a zombie, or not ours to look into. */
export async function isMarked(pid: number, runtime: string): Promise<boolean> {
  const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
  return environment.split('\0').includes(`${variable}=${runtime}`);
}
