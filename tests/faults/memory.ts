/**
 * How much memory each service holds, as the kernel of its host or guest says (RssAnon of /proc/PID/status): its own alone. A relay
 * maps the RAM of its VMs as well, and what it has once read of that counts as resident, too.
 */
import { readFile } from 'node:fs/promises';

import { pidOf } from '../e2e/support/processes.js';
import { inGuest } from './guests.js';

export interface ServiceMemory {
  readonly service: string;
  /** One that was killed is another afterwards. */
  readonly pid: number;
  readonly bytes: number;
}

const onHosts = ['controller', 'redis', 'relay-host-a', 'relay-host-b'];
const inGuests = ['checkpoint', 'restore'];

export async function memoryOfServices(vms: readonly string[]): Promise<ServiceMemory[]> {
  const hosts = onHosts.map(async (service) => {
    const pid = await pidOf(service);
    return memoryOf(service, pid, await readFile(`/proc/${pid}/status`, 'utf8'));
  });
  const guests = vms.flatMap((vm) =>
    inGuests.map(async (agent) => {
      const find = `pgrep -o -f '^node .*/opt/portkey/${agent}.cjs'`;
      const [pid = '', ...status] = (await inGuest(vm, `${find}; cat /proc/$(${find})/status`)).split('\n');
      return memoryOf(`${agent} of ${vm}`, Number(pid), status.join('\n'));
    }),
  );
  return Promise.all([...hosts, ...guests]);
}

function memoryOf(service: string, pid: number, status: string): ServiceMemory {
  const kilobytes = /^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kilobytes === undefined) throw new Error(`${service}: process ${pid} has ended`);
  return { service, pid, bytes: Number(kilobytes) * 1024 };
}

export interface Growth {
  readonly service: string;
  /** Of the life of it that saw the most migrations, */
  readonly migrations: number;
  /** what it held in the middle of that, when its heap has found its size, */
  readonly middleBytes: number;
  /** and at the end. */
  readonly endBytes: number;
}

/** `samples`: one after each migration. */
export function growthOf(samples: readonly (readonly ServiceMemory[])[]): Growth[] {
  const lives = new Map<string, ServiceMemory[]>();
  for (const memory of samples.flat()) {
    const life = `${memory.service} ${memory.pid}`;
    lives.set(life, [...(lives.get(life) ?? []), memory]);
  }
  const longest = new Map<string, ServiceMemory[]>();
  for (const life of lives.values()) {
    const [first] = life;
    if (first !== undefined && life.length > (longest.get(first.service)?.length ?? 0))
      longest.set(first.service, life);
  }
  return [...longest].map(([service, life]) => ({
    service,
    migrations: life.length,
    middleBytes: life[Math.floor(life.length / 2)]?.bytes ?? 0,
    endBytes: life.at(-1)?.bytes ?? 0,
  }));
}
