/** What a container's tasks look like from its VM: pids inside the container, names and thread counts. */
import { inGuest } from './portkey.js';

export async function taskTable(vm: string, name: string): Promise<string> {
  const table = await inGuest(
    vm,
    `for pid in $(cat /sys/fs/cgroup/portkey/${name}/cgroup.procs); do ` +
      `awk '/^Name|^Threads/ {printf "%s ", $2} /^NSpid/ {printf "%s ", $NF} END {print ""}' /proc/$pid/status; done`,
  );
  return table
    .trim()
    .split('\n')
    .map((line) => line.trim())
    .sort()
    .join('\n');
}
