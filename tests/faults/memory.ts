/**
 * How much memory each service holds, as the kernel of its host or guest says (RssAnon of /proc/PID/status): its own alone. A relay
 * maps the RAM of its VMs as well, and what it has once read of that counts as resident, too.
 */
import { readFile } from 'node:fs/promises';

import { pidOf } from '../e2e/support/processes.js';
import type { Guests } from './guests.js';

export interface ServiceMemory {
  readonly service: string;
  /** One that was killed is another afterwards. */
  readonly pid: number;
  readonly bytes: number;
}

const onHosts = ['controller', 'redis', 'relay-host-a', 'relay-host-b'];
const inGuests = ['checkpoint', 'restore'];

export async function memoryOfServices(guests: Guests, vms: readonly string[]): Promise<ServiceMemory[]> {
  const hosts = onHosts.map(async (service) => {
    const pid = await pidOf(service);
    return memoryOf(service, pid, await readFile(`/proc/${pid}/status`, 'utf8'));
  });
  const inVms = vms.flatMap((vm) =>
    inGuests.map(async (agent) => {
      const find = `pgrep -o -f '^node .*/opt/portkey/${agent}.cjs'`;
      const [pid = '', ...status] = (await guests.ask(vm, `${find}; cat /proc/$(${find})/status`)).split(
        '\n',
      );
      return memoryOf(`${agent} of ${vm}`, Number(pid), status.join('\n'));
    }),
  );
  return Promise.all([...hosts, ...inVms]);
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
  /** at the end, */
  readonly endBytes: number;
  /** and what each migration in between has added, by the straight line through all of those. */
  readonly bytesPerMigration: number;
}

/** A heap that has found its size still breathes. */
const toleratedBytes = 24 * 2 ** 20;
/**
 * A container of the size that is migrated leaves more than this behind where a migration forgets its buffers, its images or its
 * files; and a service that forgets so much has lost a GiB in two thousand. Less than this cannot be told from the breath of
 * a heap, 5 MiB up and down, in the second half of a life of so many migrations, which gives the line's slope to 0.3 MiB.
 */
const toleratedBytesPerMigration = 2 ** 19;
const migrationsToJudge = 30;

export type Verdict = 'flat' | 'grows' | 'too short a life to tell';

export function verdictOn({ migrations, middleBytes, endBytes, bytesPerMigration }: Growth): Verdict {
  if (endBytes > middleBytes + toleratedBytes) return 'grows';
  if (migrations < migrationsToJudge) return 'too short a life to tell';
  return bytesPerMigration > toleratedBytesPerMigration ? 'grows' : 'flat';
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
  return [...longest].map(([service, life]) => {
    const laterHalf = life.slice(Math.floor(life.length / 2)).map(({ bytes }) => bytes);
    return {
      service,
      migrations: life.length,
      middleBytes: laterHalf[0] ?? 0,
      endBytes: laterHalf.at(-1) ?? 0,
      bytesPerMigration: slopeOf(laterHalf),
    };
  });
}

/** By least squares, of values that are one apart. */
function slopeOf(values: readonly number[]): number {
  const centre = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const weights = values.map((_value, index) => index - centre);
  const spread = weights.reduce((sum, weight) => sum + weight * weight, 0);
  if (spread === 0) return 0;
  return values.reduce((sum, value, index) => sum + (weights[index] ?? 0) * (value - mean), 0) / spread;
}
