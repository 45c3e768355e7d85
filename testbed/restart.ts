/**
 * Starts one part of a running test bed anew: a service on the host, or a VM with its virtiofsd.
 *
 * What still runs of it is killed first, without notice, as a power failure or a crash would. Configuration, network and
 * what a guest has on its disks are what they were; a guest's memory, and with it its containers, is gone. On return the
 * part has been started, and is not ready yet: `status` tells when it is. The state file has its new pids.
 */
import { readdir, readFile, rm } from 'node:fs/promises';

import { PortkeyError } from '../libraries/errors/index.js';
import { consoleLog } from './health.js';
import { ensureImage } from './image/store.js';
import type { Places } from './paths.js';
import { serviceSpecs } from './services.js';
import { writeState, type TestbedState } from './state.js';
import { daemonStarter, type Daemon, type StartDaemon } from './supervision/daemon.js';
import { isMarked } from './supervision/marker.js';
import type { Tools } from './tools.js';
import { topologyOf, type Topology, type VmPlace } from './topology.js';
import { launchVm } from './vm/launch.js';

const pollMs = 20;

/** `name`: "vm-a", or a service as `status` names it. Throws `invalid-argument`, `testbed-failed`. */
export async function restartPart(
  name: string,
  state: TestbedState,
  places: Places,
  env: NodeJS.ProcessEnv,
  tools: Tools,
): Promise<TestbedState> {
  const topology = topologyOf(state.vms.length, places.runtime);
  const start = daemonStarter(places.runtime, places.logs, 'keep');
  const vm = topology.vms.find((place) => place.name === name);
  const processes = vm === undefined ? [name] : [`${name}-qemu`, `${name}-virtiofsd`];
  const startAgain = vm === undefined ? serviceStarter(name, topology, places, start) : undefined;
  await killThose(processes, state, places, tools);
  const started =
    vm === undefined ? [startAgain?.()] : await startVm(vm, topology, state, places, env, start, tools);
  const after = withPids(
    state,
    started.filter((daemon) => daemon !== undefined),
  );
  await writeState(places.state, after);
  return after;
}

/** Throws `invalid-argument`, before anything is killed. */
function serviceStarter(name: string, topology: Topology, places: Places, start: StartDaemon): () => Daemon {
  const specs = serviceSpecs(topology, places);
  const spec = specs.find((each) => each.name === name);
  if (spec !== undefined) return () => start(spec);
  const known = [...topology.vms, ...specs].map((each) => each.name).join(', ');
  throw new PortkeyError('invalid-argument', `the test bed has no '${name}'; it has ${known}`);
}

async function startVm(
  vm: VmPlace,
  { codeDisk }: Topology,
  { accel, vhostNet, vmMemoryBytes }: TestbedState,
  places: Places,
  env: NodeJS.ProcessEnv,
  start: StartDaemon,
  tools: Tools,
): Promise<Daemon[]> {
  // Whether QEMU and virtiofsd are there is told by these.
  for (const socket of [vm.qmpSocket, vm.virtiofsdSocket, vm.checkpointSocket, vm.restoreSocket])
    await rm(socket, { force: true });
  const image = await ensureImage(places, env, tools);
  const hardware = { accelerator: accel, vhostNet: vhostNet === true, memoryBytes: vmMemoryBytes, codeDisk };
  const { qemu, virtiofsd } = await launchVm(
    vm,
    image,
    { ...hardware, consoleLog: consoleLog(vm.name, places.logs) },
    start,
    tools,
  );
  return [qemu, virtiofsd];
}

async function killThose(
  names: readonly string[],
  { processes }: TestbedState,
  { runtime }: Places,
  { clock }: Tools,
): Promise<void> {
  const pids = processes.filter(({ name }) => names.includes(name)).map(({ pid }) => pid);
  for (const pid of pids) if (await isMarked(pid, runtime)) process.kill(pid, 'SIGKILL');
  for (const pid of pids) while (!(await hasEnded(pid))) await clock.sleep(pollMs);
}

/**
 * Until then a tap or a port may still be taken. A process loses its environment, and with it the marker, earlier; and its
 * first thread is a zombie already while others still hold its files.
 */
async function hasEnded(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const state = stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
  return threads.length === 0 || (threads.length === 1 && ['', 'Z', 'X'].includes(state));
}

function withPids(state: TestbedState, started: readonly Daemon[]): TestbedState {
  const pidOf = new Map(started.map(({ name, pid }) => [name, pid]));
  const processes = state.processes.map(({ name, pid }) => ({ name, pid: pidOf.get(name) ?? pid }));
  return { ...state, processes };
}
