/**
 * Whether the test bed's services and the agents in the guests serve: gRPC's health check on each of their unix
 * sockets, the agents' being the gateway's.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { PortkeyError } from '../libraries/errors/index.js';
import { HealthProbe, isServing, type Identity } from '../libraries/rpc/index.js';
import { operatorOf } from './certificates.js';
import { hostIdentities } from './identities.js';
import type { Places } from './paths.js';
import { waitFor } from './supervision/wait.js';
import type { Daemon } from './supervision/daemon.js';
import type { Tools } from './tools.js';
import { certificatesFolder, type Topology } from './topology.js';

/** Twenty seconds are usual; a busy host makes emulated guests several times slower. */
const timeoutMs = 240_000;
/** A first answer from an emulated guest that is still busy starting takes a second or two. */
const checkDeadlineMs = 5_000;
const pollMs = 250;
const tailLines = 20;

export interface ServiceHealth {
  readonly name: string;
  readonly serving: boolean;
}

export async function checkHealth(topology: Topology, runtime: string): Promise<ServiceHealth[]> {
  const probes = new HealthProbes(topology, runtime);
  try {
    return await probes.check();
  } finally {
    probes.close();
  }
}

/** Asks all services again and again, over the same connections. */
export class HealthProbes {
  private readonly probes: readonly { readonly name: string; readonly probe: HealthProbe }[];

  constructor(topology: Topology, runtime: string) {
    const operator = operatorOf(certificatesFolder(runtime));
    this.probes = servicesOf(topology).map(({ name, socket, identity }) => ({
      name,
      probe: new HealthProbe(`unix:${socket}`, operator, identity),
    }));
  }

  check(): Promise<ServiceHealth[]> {
    return Promise.all(
      this.probes.map(async ({ name, probe }) => ({
        name,
        serving: await probe.isServing(checkDeadlineMs),
      })),
    );
  }

  /** The next questions open new connections. */
  close(): void {
    for (const { probe } of this.probes) probe.close();
  }
}

/** Throws `testbed-failed` with the names of those that do not serve, and the ends of the guests' consoles. */
export async function waitUntilHealthy(
  topology: Topology,
  daemons: readonly Daemon[],
  { logs, runtime }: Pick<Places, 'logs' | 'runtime'>,
  tools: Tools,
): Promise<void> {
  const operator = operatorOf(certificatesFolder(runtime));
  const waiting = new Map(servicesOf(topology).map((service) => [service.name, service]));
  const until = async (): Promise<boolean> => {
    const check = async ({ name, socket, identity }: Service): Promise<void> => {
      if (!waiting.has(name)) return;
      if (!(await isServing(`unix:${socket}`, checkDeadlineMs, operator, identity))) return;
      waiting.delete(name);
      tools.report(`${name} is ready`);
    };
    await Promise.all([...waiting.values()].map(check));
    return waiting.size === 0;
  };
  const late = async (): Promise<PortkeyError> => {
    const names = [...waiting.keys()].join(', ');
    const message = `not ready within ${timeoutMs / 1000} s: ${names}; logs are in ${logs}`;
    return new PortkeyError('testbed-failed', message, { details: await consoleTails(topology, logs) });
  };
  await waitFor({ until, daemons, timeoutMs, pollMs, late }, tools);
}

export function consoleLog(vm: string, logs: string): string {
  return path.join(logs, `${vm}-console.log`);
}

interface Service {
  readonly name: string;
  readonly socket: string;
  readonly identity: Identity;
}

function servicesOf({ vms, controllers }: Topology): Service[] {
  const of = (name: string, socket: string, identity: Identity): Service => ({ name, socket, identity });
  return [
    ...vms.flatMap(({ name, agents }) => [
      of(`${name}'s guest agent`, agents.guest.socket, { role: 'guest', name }),
      of(`${name}'s checkpoint service`, agents.checkpoint.socket, { role: 'checkpoint', name }),
      of(`${name}'s restore service`, agents.restore.socket, { role: 'restore', name }),
    ]),
    ...vms.map(({ host, relaySocket }) => of(`${host}'s relay`, relaySocket, { role: 'relay', name: host })),
    ...controllers.map(({ name, socket }) => of(name, socket, hostIdentities.controller)),
  ];
}

async function consoleTails(topology: Topology, logs: string): Promise<string> {
  const tails = topology.vms.map(async ({ name }) => {
    const text = await readFile(consoleLog(name, logs), 'utf8').catch(() => '(no console log)');
    return `${name}'s console:\n${text.split('\n').slice(-tailLines).join('\n')}`;
  });
  return (await Promise.all(tails)).join('\n');
}
