/**
 * What there is of a container and of migrations in the whole test bed: copies, and whatever should not be there.
 *
 * Each VM is asked itself, not the controller.
 */
import { runChecked, runCommand } from '../../libraries/process/index.js';
import { outsideNamespace, topologyOf, type Topology } from '../../testbed/topology.js';
import { placesOf } from '../../testbed/paths.js';
import { readFile } from 'node:fs/promises';
import { copyFunctions } from './copies.js';
import { inGuest } from './guests.js';

export interface VmRemains {
  readonly vm: string;
  /** Containers with tasks, by name. */
  readonly copies: readonly { readonly name: string; readonly isRunning: boolean }[];
  /** Files, mounts, processes of migrations, and what belongs to containers that are not there. */
  readonly leftovers: readonly string[];
}

/** Prints "running NAME", "still NAME", "left WHAT". Where the shell can do without another process it does. */
const look = `${copyFunctions}
for folder in /sys/fs/cgroup/portkey/*/; do
  [ -d "$folder" ] || continue
  name=\${folder%/}; name=\${name##*/}
  look_at_copy "$name"
  case $state in none) echo "left cgroup $name" ;; *) echo "$state $name" ;; esac
done
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
