/**
 * What can break in the test bed, how it is broken, and how that is ended.
 *
 * - `kill`: SIGKILL, and started again at once, as a supervisor would; of a VM, which takes its containers with it, too.
 * - `stop`: SIGSTOP, as a process on a host that hangs; of a VM its QEMU. Ended by SIGCONT.
 * - `cut`: nothing that the part sends on its link arrives, and no connection breaks: a route into the void, or a VM's network
 *   card without a carrier. It is the link to the controller, of a relay also that to the other relay, of the restore service also that
 *   to the source's VM.
 *
 * - `fill`: no room is left on what the part is (fills.ts). `step`: an hour forward, and back.
 *
 * Source and destination are the migration's. Whoever breaks a part ends that, whatever happens.
 */
import { runChecked, runCommand } from '../../libraries/process/index.js';
import { restart, type HealthProbes } from '../../testbed/index.js';
import { tapName } from '../../testbed/network/commands.js';
import { outsideNamespace, type VmPlace } from '../../testbed/topology.js';
import { pidOf } from '../e2e/support/processes.js';
import type { Fault } from './fault.js';
import { fullDisk, fullMemory, fullShares } from './fills.js';
import { inGuest, type Guests } from './guests.js';
import type { RedisLink } from './redis-link.js';

export const kinds = ['kill', 'stop', 'cut', 'fill', 'step'] as const;
export type Kind = (typeof kinds)[number];

/** In the order of the matrix' rows. */
export const parts = [
  'checkpoint',
  'restore',
  'relay of the source',
  'relay of the destination',
  'controller',
  'redis',
  'VM of the source',
  'VM of the destination',
  'landing of the destination',
  'disk of the source',
  'disk of the destination',
  'memory of the source',
  'memory of the destination',
  'clock of the source',
  'clock of the destination',
] as const;
export type Part = (typeof parts)[number];

export interface Scene {
  readonly source: VmPlace;
  readonly destination: VmPlace;
  readonly link: RedisLink;
  readonly guests: Guests;
  readonly health: HealthProbes;
}

/** Throws where the part cannot fail in that way. */
export function faultOf(part: Part, kind: Kind, scene: Scene): Fault {
  const fault = faultsOf(part, scene)[kind];
  if (fault === undefined) throw new Error(`a ${part} has no ${kind}`);
  return fault;
}

const nothing = (): Promise<void> => Promise.resolve();

function faultsOf(part: Part, { source, destination, link }: Scene): Partial<Record<Kind, Fault>> {
  switch (part) {
    case 'checkpoint':
      return agentFaults(source, 'checkpoint');
    case 'restore':
      return agentFaults(destination, 'restore');
    case 'relay of the source':
      return relayFaults(source);
    case 'relay of the destination':
      return relayFaults(destination);
    case 'controller':
      return { ...processFaults('controller', 'controller'), cut: controllerCut };
    case 'redis':
      return {
        ...processFaults('redis', 'redis'),
        cut: { begin: () => link.cut(), end: () => link.mend() },
      };
    case 'VM of the source':
      return vmFaults(source);
    case 'VM of the destination':
      return vmFaults(destination);
    case 'landing of the destination':
      return { fill: fullShares(destination) };
    case 'disk of the source':
      return { fill: fullDisk(source.name) };
    case 'disk of the destination':
      return { fill: fullDisk(destination.name) };
    case 'memory of the source':
      return { fill: fullMemory(source.name, [source.name, destination.name]) };
    case 'memory of the destination':
      return { fill: fullMemory(destination.name, []) };
    case 'clock of the source':
      return { step: clockStep(source.name) };
    case 'clock of the destination':
      return { step: clockStep(destination.name) };
  }
}

/** `process`: as the state file names it; `part`: what has to be started again when it is dead. */
function processFaults(process: string, part: string): Record<'kill' | 'stop', Fault> {
  const startAgain = (): Promise<void> =>
    restart(part, { report: () => undefined, signal: new AbortController().signal });
  return {
    kill: { begin: () => signal(process, 'SIGKILL'), end: startAgain },
    stop: { begin: () => signal(process, 'SIGSTOP'), end: () => signal(process, 'SIGCONT') },
  };
}

function vmFaults({ name, namespace }: VmPlace): Record<'kill' | 'stop' | 'cut', Fault> {
  const carrier = (state: 'up' | 'down') => (): Promise<void> =>
    ip('-n', namespace, 'link', 'set', tapName, state);
  return { ...processFaults(`${name}-qemu`, name), cut: { begin: carrier('down'), end: carrier('up') } };
}

function relayFaults({ host, hostAddress, namespace }: VmPlace): Record<'kill' | 'stop' | 'cut', Fault> {
  const name = `relay-${host}`;
  return { ...processFaults(name, name), cut: voidRoutes(inNamespace(namespace), [`from ${hostAddress}`]) };
}

/** In the guest a shell starts an agent again whenever it has ended. */
function agentFaults(
  { name, agents }: VmPlace,
  agent: 'checkpoint' | 'restore',
): Record<'kill' | 'stop' | 'cut', Fault> {
  const port = portOf(agents[agent].address);
  const pid = `$(pgrep -o -f '^node .*/opt/portkey/${agent}.cjs')`;
  const send = (signalName: string) => async (): Promise<void> => {
    await inGuest(name, `kill -${signalName} ${pid}`);
  };
  return {
    kill: { begin: send('KILL'), end: nothing },
    stop: { begin: send('STOP'), end: send('CONT') },
    cut: voidRoutes((command) => inGuest(name, command).then(() => undefined), [`ipproto tcp sport ${port}`]),
  };
}

/** Of relays and agents; Redis and those who command the controller are reached as before. */
const controllerCut = voidRoutes(
  inNamespace(outsideNamespace),
  [7401, 7411, 7412].map((port) => `ipproto tcp dport ${port}`),
);

function clockStep(vm: string): Fault {
  const step = (sign: '+' | '-') => (): Promise<unknown> =>
    inGuest(vm, `date -s @$(($(date +%s) ${sign} 3600))`);
  return { begin: step('+'), end: step('-') };
}

type RunShell = (command: string) => Promise<void>;

/** Packets of these kinds leave a host for nowhere (ip-rule(8)). The rules before are those for the host's own addresses. */
function voidRoutes(run: RunShell, selectors: readonly string[]): Fault {
  const preference = 5;
  const add = selectors.map((selector) => `ip rule add pref ${preference} ${selector} blackhole`);
  return {
    begin: () => run(add.join(' && ')),
    end: () => run(`while ip rule del pref ${preference} 2>/dev/null; do :; done`),
  };
}

function inNamespace(namespace: string): RunShell {
  return (command) => ip('netns', 'exec', namespace, 'sh', '-c', command);
}

async function ip(...args: string[]): Promise<void> {
  await runChecked(runCommand, ['ip', ...args]);
}

async function signal(name: string, signalName: NodeJS.Signals): Promise<void> {
  process.kill(await pidOf(name), signalName);
}

function portOf(address: string): string {
  return address.slice(address.lastIndexOf(':') + 1);
}
