/**
 * What there is of a container and of migrations in the whole test bed: copies, and whatever should not be there.
 *
 * Each VM is asked itself, not the controller.
 */
import { runChecked, runCommand } from '../../libraries/process/index.js';
import { outerLinkName } from '../../libraries/runtime/index.js';
import { outsideNamespace, topologyOf, type Topology } from '../../testbed/topology.js';
import { placesOf } from '../../testbed/paths.js';
import { readFile } from 'node:fs/promises';
import { pidOf } from '../e2e/support/processes.js';
import { copyFunctions } from './copies.js';
import type { Guests } from './guests.js';

export interface VmRemains {
  readonly vm: string;
  /** Containers with tasks, by name. */
  readonly copies: readonly { readonly name: string; readonly isRunning: boolean }[];
  /** Files, mounts, processes of migrations, and what belongs to containers that are not there. */
  readonly leftovers: readonly string[];
}

/**
 * Prints "running NAME", "still NAME", "link NAME", "left WHAT". It starts no process: under emulation each costs as much as all
 * of this. /run/netns becomes a mount point with the first namespace that was ever made, for good. An agent may lock one page of
 * its own for as long as it lives (libraries/agent/link.ts).
 */
const look = `${copyFunctions}
for folder in /sys/fs/cgroup/portkey/*/; do
  [ -d "$folder" ] || continue
  name=\${folder%/}; name=\${name##*/}
  look_at_copy "$name"
  case $state in none) echo "left cgroup $name" ;; *) echo "$state $name" ;; esac
done
for folder in /run/portkey/containers /run/netns /run/runc; do
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
while read -r _ _ _ _ point _; do
  case $point in
    /run/netns | /run/portkey/identity) continue ;;
    /run/portkey/containers/*) name=\${point#/run/portkey/containers/}; name=\${name%%/*} ;;
    /run/netns/*) name=\${point#/run/netns/}; name=\${name#portkey-} ;;
    /run/runc/*) name=\${point#/run/runc/}; name=\${name%%/*} ;;
    /run/portkey/* | *criu*) name= ;;
    *) continue ;;
  esac
  [ -n "$name" ] && has_tasks "$name" || echo "left mount $point"
done </proc/self/mountinfo
for link in /sys/class/net/pk-*; do [ ! -e "$link" ] || echo "link \${link##*/}"; done
for folder in /proc/[0-9]*; do
  read -r name 2>/dev/null <"$folder/comm" || continue
  case $name in
    criu | runc | runc:*) echo "left process $name, $folder" ;;
    node)
      while read -r key kilobytes _; do
        case $key in
          VmLck:) [ "$kilobytes" -le 4 ] || echo "left $kilobytes KiB locked by $folder" ;;
          VmPin:) [ "$kilobytes" = 0 ] || echo "left $kilobytes KiB pinned by $folder"; break ;;
        esac
      done 2>/dev/null <"$folder/status" ;;
  esac
done
true`;

export async function remainsIn(guests: Guests, vm: string): Promise<VmRemains> {
  const lines = (await guests.ask(vm, look)).split('\n').filter((line) => line !== '');
  const after = (word: string): string[] =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
  const copies = [
    ...after('running').map((name) => ({ name, isRunning: true })),
    ...after('still').map((name) => ({ name, isRunning: false })),
  ];
  const known = copies.map(({ name }) => outerLinkName(name));
  const links = after('link').filter((link) => !known.includes(link));
  return {
    vm,
    copies,
    leftovers: [...after('left'), ...links.map((link) => `network link ${link}`)].map(
      (what) => `${vm}: ${what}`,
    ),
  };
}

/** Sessions and pinned pages of relays, and keys in Redis that no ended migration needs; docs/controllers.md has all keys. */
export async function remainsOnHosts(): Promise<string[]> {
  const topology = topologyOf(2, placesOf(process.env).runtime);
  const sessions = topology.vms.map(async ({ host, hostAddress }) => {
    const count = await sessionsOf(hostAddress);
    return count === '0' ? [] : [`relay of ${host}: ${count} sessions`];
  });
  const pinned = topology.vms.map(({ host }) => pinnedBy(`relay-${host}`));
  return [...(await Promise.all([...sessions, ...pinned])).flat(), ...(await strayKeys(topology))];
}

/** A relay has no page locked or pinned, not even while it works. */
async function pinnedBy(service: string): Promise<string[]> {
  const status = await readFile(`/proc/${await pidOf(service)}/status`, 'utf8');
  return [...status.matchAll(/^Vm(Lck|Pin):\s+([1-9]\d*) kB$/gm)].map(
    ([, how, kilobytes]) => `${service}: ${kilobytes ?? ''} KiB ${how === 'Lck' ? 'locked' : 'pinned'}`,
  );
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
