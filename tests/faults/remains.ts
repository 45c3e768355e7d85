/**
 * What there is of a container and of migrations in the whole test bed: copies, and whatever should not be there.
 *
 * Each VM is asked itself, not the controller: what counts is what runs. A copy runs if any of its tasks may: its cgroup is not
 * frozen, and the task not stopped, as those of a restored copy are before the commit.
 */
import { runChecked, runCommand } from '../../libraries/process/index.js';
import { outsideNamespace, topologyOf, type Topology } from '../../testbed/topology.js';
import { placesOf } from '../../testbed/paths.js';
import { readFile } from 'node:fs/promises';
import { inGuest } from './guests.js';

export interface VmRemains {
  readonly vm: string;
  /** Containers with tasks, by name. */
  readonly copies: readonly { readonly name: string; readonly isRunning: boolean }[];
  /** Files, mounts, processes of migrations, and what belongs to containers that are not there. */
  readonly leftovers: readonly string[];
}

/** PF_EXITING of a task's flags, field 9 of /proc/PID/stat (proc(5)). */
const exiting = 4;

/**
 * Prints "running NAME", "still NAME", "left WHAT". A task that was stopped and is being killed is in state R until it is gone,
 * and executes nothing of its own any more: SIGKILL is pending, then it is exiting. Looked at twice, since it may get there in
 * between. Where the shell can do without another process it does: under emulation each costs as much as all else here.
 */
const look = `
runs() {
  read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
  set -- \${stat##*) }
  case $1 in [RSD]) [ $(($7 & ${exiting})) = 0 ] ;; *) return 1 ;; esac
}
may_run() {
  runs "$1" && ! grep -qsE '^(Sig|Shd)Pnd:.*[13579bdf]..$' "/proc/$1/status" && runs "$1"
}
has_tasks() {
  read -r first 2>/dev/null <"/sys/fs/cgroup/portkey/$1/cgroup.procs"
}
is_frozen() {
  while read -r key value; do [ "$key $value" != 'frozen 0' ] || return 1; done <"$1/cgroup.events"
}
cd /sys/fs/cgroup/portkey 2>/dev/null && for name in *; do
  [ -d "$name" ] || continue
  has_tasks "$name" || { echo "left cgroup $name"; continue; }
  state=still
  is_frozen "$name" || while read -r task; do
    may_run "$task" && state=running
  done <"$name/cgroup.procs"
  echo "$state $name"
done
cd /
for folder in /run/portkey/containers /run/netns; do
  for file in "$folder"/*; do
    [ -e "$file" ] || continue
    name=\${file##*/}; name=\${name#portkey-}
    has_tasks "$name" || echo "left $file"
  done
done
for folder in /run/portkey/departures /run/portkey/arrivals /run/portkey/images /mnt/portkey/landing /mnt/portkey/outgoing; do
  for file in "$folder"/*; do [ ! -e "$file" ] || echo "left $file"; done
done
for file in /run/portkey/containers/*/claim*; do [ ! -e "$file" ] || echo "left $file"; done
for file in /proc/[0-9]*/comm; do
  read -r name 2>/dev/null <"$file" && [ "$name" = criu ] && echo "left process criu, $file"
done
true`;

export async function remainsIn(vm: string): Promise<VmRemains> {
  const lines = (await inGuest(vm, look)).split('\n').filter((line) => line !== '');
  const after = (word: string): string[] =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
  return {
    vm,
    copies: [
      ...after('running').map((name) => ({ name, isRunning: true })),
      ...after('still').map((name) => ({ name, isRunning: false })),
    ],
    leftovers: after('left').map((what) => `${vm}: ${what}`),
  };
}

/** Of those that answer. */
export async function runningCopies(vms: readonly string[], container: string): Promise<string[]> {
  const found = await Promise.all(vms.map((vm) => remainsIn(vm).catch(() => undefined)));
  return found.flatMap((remains) =>
    remains?.copies.some(({ name, isRunning }) => name === container && isRunning) === true
      ? [remains.vm]
      : [],
  );
}

/** Sessions of relays, and keys in Redis that no ended migration needs; docs/controllers.md has all keys. */
export async function remainsOnHosts(): Promise<string[]> {
  const topology = topologyOf(2, placesOf(process.env).runtime);
  const sessions = topology.vms.map(async ({ host, hostAddress }) => {
    const count = await sessionsOf(hostAddress);
    return count === '0' ? [] : [`relay of ${host}: ${count} sessions`];
  });
  return [...(await Promise.all(sessions)).flat(), ...(await strayKeys(topology))];
}

async function sessionsOf(hostAddress: string): Promise<string> {
  const ask = `fetch('http://${hostAddress}:9401/metrics').then((r) => r.text()).then(console.log)`;
  const metrics = await outside(process.execPath, '-e', ask);
  return /^portkey_sessions (\d+)$/m.exec(metrics)?.[1] ?? 'an unknown number of';
}

async function strayKeys({ redis }: Topology): Promise<string[]> {
  const password = await readFile(redis.passwordFile, 'utf8');
  const login = ['-p', String(redis.port), '--user', 'portkey', '--pass', password, '--no-auth-warning'];
  const keys = (await outside('redis-cli', ...login, '--scan', '--pattern', '*')).split('\n');
  const known =
    /^$|^portkey:(migrations|migration:.*|addresses|queue:(meta|id|marker|events|stalled-check))$/;
  return keys.filter((key) => !known.test(key)).map((key) => `Redis: key ${key}`);
}

function outside(...command: string[]): Promise<string> {
  return runChecked(runCommand, ['ip', 'netns', 'exec', outsideNamespace, ...command], { timeoutMs: 10_000 });
}
