/**
 * Starts one part of a running test bed anew: a service on the host, or a VM with its virtiofsd.
 *
 * What still runs of it is killed first, without notice, as a power failure or a crash would. Configuration, network and
 * what a guest has on its disks are what they were; a guest's memory, and with it its containers, is gone. On return the
 * part has been started, and is not ready yet: `status` tells when it is. The state file has its new pids.
 */
import { readdir, readFile } from 'node:fs/promises';

import { PortkeyError } from '../libraries/errors/index.js';
import { statFields } from '../libraries/runtime/index.js';
import { consoleLog } from './health.js';
import { ensureImage } from './image/store.js';
import type { Places } from './paths.js';
import { serviceSpecs } from './services.js';
import { topologyOfState, writeState, type TestbedState } from './state.js';
import { daemonStarter, type Daemon, type StartDaemon } from './supervision/daemon.js';
import { isMarked } from './supervision/marker.js';
import { waitFor } from './supervision/wait.js';
import type { Tools } from './tools.js';
import type { VmPlace } from './topology.js';
import { launchVm } from './vm/launch.js';
import type { VmHardware } from './vm/qemu-command.js';

/** The memory of a large VM takes a while to be given back. */
const killMs = 30_000;

interface Part {
  /** As the state file names them. */
  readonly processes: readonly string[];
  readonly start: (start: StartDaemon) => Promise<Daemon[]>;
}

/** `name`: "vm-a", or a service as `status` names it. Throws `invalid-argument`, before anything is killed; `testbed-failed`. */
export async function restartPart(
  name: string,
  state: TestbedState,
  places: Places,
  env: NodeJS.ProcessEnv,
  tools: Tools,
): Promise<void> {
  const part = partOf(name, state, places, env, tools);
  await killThose(part.processes, state, places, tools);
  const started = await part.start(daemonStarter(places.runtime, places.logs, 'keep'));
  await writeState(places.state, withPids(state, started));
}

function partOf(
  name: string,
  state: TestbedState,
  places: Places,
  env: NodeJS.ProcessEnv,
  tools: Tools,
): Part {
  const topology = topologyOfState(state, places.runtime);
  const vm = topology.vms.find((place) => place.name === name);
  if (vm !== undefined) {
    const launch = async (start: StartDaemon): Promise<Daemon[]> => {
      const image = await ensureImage(places, env, tools);
      const { qemu, virtiofsd } = await launchVm(
        vm,
        image,
        hardwareOf(vm, state, topology.codeDisk, places),
        start,
        tools,
      );
      return [qemu, virtiofsd];
    };
    return { processes: [`${name}-qemu`, `${name}-virtiofsd`], start: launch };
  }
  const specs = serviceSpecs(topology, places);
  const spec = specs.find((each) => each.name === name);
  if (spec !== undefined) return { processes: [name], start: (start) => Promise.resolve([start(spec)]) };
  const known = [...topology.vms, ...specs].map((each) => each.name).join(', ');
  throw new PortkeyError('invalid-argument', `the test bed has no '${name}'; it has ${known}`);
}

function hardwareOf(
  { name }: VmPlace,
  { accel, vhostNet, vmMemoryBytes }: TestbedState,
  codeDisk: string,
  { logs }: Places,
): VmHardware {
  return {
    ...{ accelerator: accel, vhostNet: vhostNet === true, memoryBytes: vmMemoryBytes },
    ...{ codeDisk, consoleLog: consoleLog(name, logs) },
  };
}

async function killThose(
  names: readonly string[],
  { processes }: TestbedState,
  { runtime }: Places,
  tools: Tools,
): Promise<void> {
  const known = processes.filter(({ name }) => names.includes(name)).map(({ pid }) => pid);
  const marked = await Promise.all(known.map((pid) => isMarked(pid, runtime)));
  // A pid that is not marked any more may be anybody's by now.
  const pids = known.filter((_pid, index) => marked[index]);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  const until = async (): Promise<boolean> => (await Promise.all(pids.map(hasEnded))).every(Boolean);
  const late = (): PortkeyError =>
    new PortkeyError('testbed-failed', `processes ${pids.join(', ')} do not end, not even by SIGKILL`);
  await waitFor({ until, daemons: [], timeoutMs: killMs, late }, tools);
}

/**
 * Until then a tap or a port may still be taken. A process loses its environment, and with it the marker, earlier; and its
 * first thread is a zombie already while others still hold its files.
 */
async function hasEnded(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const state = statFields(stat)(3);
  return threads.length === 0 || (threads.length === 1 && ['', 'Z', 'X'].includes(state));
}

function withPids(state: TestbedState, started: readonly Daemon[]): TestbedState {
  const pidOf = new Map(started.map(({ name, pid }) => [name, pid]));
  const processes = state.processes.map(({ name, pid }) => ({ name, pid: pidOf.get(name) ?? pid }));
  return { ...state, processes };
}
