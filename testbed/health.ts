/**
 * Whether the test bed's services and the agents in the guests serve: gRPC's health check on each of their unix
 * sockets, the agents' being the gateway's.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { PortkeyError } from '../libraries/errors/index.js';
import { isServing } from '../libraries/rpc/index.js';
import { waitFor } from './supervision/wait.js';
import type { Daemon } from './supervision/daemon.js';
import type { Tools } from './tools.js';
import type { Topology } from './topology.js';

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

export function checkHealth(topology: Topology): Promise<ServiceHealth[]> {
  return Promise.all(
    serviceSockets(topology).map(async ([name, socket]) => ({
      name,
      serving: await isServing(`unix:${socket}`, checkDeadlineMs),
    })),
  );
}

/** Throws `testbed-failed` with the names of those that do not serve, and the ends of the guests' consoles. */
export async function waitUntilHealthy(
  topology: Topology,
  daemons: readonly Daemon[],
  logs: string,
  tools: Tools,
): Promise<void> {
  const waiting = new Map(serviceSockets(topology));
  const until = async (): Promise<boolean> => {
    const check = async ([name, socket]: [string, string]): Promise<void> => {
      if (!waiting.has(name) || !(await isServing(`unix:${socket}`, checkDeadlineMs))) return;
      waiting.delete(name);
      tools.report(`${name} is ready`);
    };
    await Promise.all([...waiting].map(check));
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

function serviceSockets(topology: Topology): [name: string, socket: string][] {
  return [
    ...topology.vms.flatMap(({ name, agents }): [string, string][] => [
      [`${name}'s guest agent`, agents.guest.socket],
      [`${name}'s checkpoint service`, agents.checkpoint.socket],
      [`${name}'s restore service`, agents.restore.socket],
    ]),
    ...topology.vms.map((vm): [string, string] => [`${vm.host}'s relay`, vm.relaySocket]),
    ['the controller', topology.controllerSocket],
  ];
}

async function consoleTails(topology: Topology, logs: string): Promise<string> {
  const tails = topology.vms.map(async ({ name }) => {
    const text = await readFile(consoleLog(name, logs), 'utf8').catch(() => '(no console log)');
    return `${name}'s console:\n${text.split('\n').slice(-tailLines).join('\n')}`;
  });
  return (await Promise.all(tails)).join('\n');
}
