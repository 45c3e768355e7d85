/**
 * The test bed for the rest of the project: up, status, down, commands and copies in its guests.
 *
 * Every call finds the running test bed by its state file; those that need one throw `testbed-down` without it.
 */
import { PortkeyError } from '../libraries/errors/index.js';
import { parseCopyPath, type CopyPath } from './copy-path.js';
import { copy, type CopyEnd } from './copy.js';
import { remains, takeDown } from './down.js';
import { execInGuest, type ExecOptions } from './exec.js';
import { findTestbed } from './find.js';
import { checkHealth, type HealthProbes, type ServiceHealth } from './health.js';
import { ensureImage, type GuestImage } from './image/store.js';
import { isLocked } from './lock.js';
import { placesOf, type Places } from './paths.js';
import { requireImagePrograms } from './programs.js';
import { readState, topologyOfState, type TestbedState } from './state.js';
import { restartPart } from './restart.js';
import { isMarked } from './supervision/marker.js';
import { realTools } from './tools.js';
import type { VmPlace } from './topology.js';
import { bringUp, upLock, type UpOptions } from './up.js';

export { maximumControllers, maximumStreams, outsideNamespace } from './topology.js';
export { markerOf } from './supervision/marker.js';
export { runtimeFolder } from './paths.js';
export { GuestConnection, type ExecOptions } from './exec.js';
export { HealthProbes, type ServiceHealth } from './health.js';
export type { TestbedState } from './state.js';
export type { UpOptions } from './up.js';
export { sharedRoom, shortageOf, type Room } from './room.js';
export { measureFloor, type Floor } from './yardstick/floor.js';
export { isVirtualMachine, touchFreeMemory } from './yardstick/host-memory.js';
export { WholeVm, type WholeVmRequest } from './yardstick/whole-vm/whole-vm.js';
export type { QemuMigration } from './yardstick/whole-vm/qemu-migration.js';

export interface Hooks {
  /** One line of progress for people. */
  readonly report: (line: string) => void;
  /** Fires when the user wants out; what was begun is cleaned up, and `cancelled` is thrown. */
  readonly signal: AbortSignal;
}

export interface TestbedStatus {
  readonly state: 'up' | 'degraded' | 'starting' | 'down' | 'remains';
  /** Undefined unless up or degraded. */
  readonly testbed: TestbedState | undefined;
  readonly processes: readonly { readonly name: string; readonly pid: number; readonly running: boolean }[];
  readonly services: readonly ServiceHealth[];
  /** What a crash left behind: 'down' or 'up' removes it. */
  readonly remains: readonly string[];
}

export function up(options: UpOptions, { report, signal }: Hooks): Promise<TestbedState> {
  const places = placesOf(process.env);
  return bringUp(options, places, process.env, realTools(places.runtime, report, signal));
}

/** Makes the guest image where it is not cached, as `up` does. Throws `missing-program`, `testbed-failed`, `cancelled`. */
export async function image({ report, signal }: Hooks): Promise<GuestImage> {
  const places = placesOf(process.env);
  await requireImagePrograms(process.env);
  return ensureImage(places, process.env, realTools(places.runtime, report, signal));
}

/**
 * True if there was something to take down. Also when it throws, running it again goes on where it stopped. Throws
 * `testbed-failed` where there is something and the caller is not root.
 */
export async function down({ report }: Pick<Hooks, 'report'>): Promise<boolean> {
  const places = placesOf(process.env);
  const found = await remains(places);
  if (found.length > 0 && process.getuid?.() !== 0)
    throw new PortkeyError(
      'testbed-failed',
      'the test bed has network namespaces, and removing them needs root; use sudo',
    );
  // Half a cleanup helps nobody, so this cannot be stopped.
  await takeDown(places, realTools(places.runtime, report, new AbortController().signal));
  report(found.length === 0 ? 'the test bed is down already' : 'the test bed is down');
  return found.length > 0;
}

/** `probes`: those of whoever asks again and again. */
export async function status(probes?: HealthProbes): Promise<TestbedStatus> {
  const places = placesOf(process.env);
  const found = await remains(places);
  const testbed = await readState(places.state);
  if (found.length === 0 || testbed === undefined) {
    const state = (await isLocked(upLock)) ? 'starting' : found.length === 0 ? 'down' : 'remains';
    const left = state === 'remains' ? found : [];
    return { state, testbed: undefined, processes: [], services: [], remains: left };
  }
  const processes = await Promise.all(
    testbed.processes.map(async ({ name, pid }) => ({
      name,
      pid,
      running: await isMarked(pid, places.runtime),
    })),
  );
  const services = await (probes?.check() ??
    checkHealth(topologyOfState(testbed, places.runtime), places.runtime));
  const whole = processes.every(({ running }) => running) && services.every(({ serving }) => serving);
  return { state: whole ? 'up' : 'degraded', testbed, processes, services, remains: [] };
}

/**
 * Kills a service or a VM and starts it again; `status` tells when it is ready. Throws `invalid-argument`, `testbed-down`,
 * `testbed-failed`.
 */
export async function restart(name: string, { report, signal }: Hooks): Promise<void> {
  const places = placesOf(process.env);
  const state = await requireTestbed(places);
  await restartPart(name, state, places, process.env, realTools(places.runtime, report, signal));
}

/** Runs a command in a guest as root and returns its exit code. Throws `vm-unknown`, `testbed-down`. */
export async function exec(vm: string, command: readonly string[], options: ExecOptions): Promise<number> {
  return execInGuest(await findVm(vm), command, options);
}

/** Copies a file or folder; each side is a path or "VM:/path". */
export async function cp(from: string, to: string, signal: AbortSignal): Promise<void> {
  const [source, destination] = [parseCopyPath(from), parseCopyPath(to)];
  await copy(await copyEnd(source), await copyEnd(destination), signal);
}

async function copyEnd({ vm, path }: CopyPath): Promise<CopyEnd> {
  return { vm: vm === undefined ? undefined : await findVm(vm), path };
}

async function findVm(name: string): Promise<VmPlace> {
  const places = placesOf(process.env);
  const state = await requireTestbed(places);
  const { vms } = topologyOfState(state, places.runtime);
  const vm = vms.find((place) => place.name === name);
  if (vm !== undefined) return vm;
  const names = vms.map((place) => place.name).join(', ');
  throw new PortkeyError('vm-unknown', `the test bed has no VM '${name}'; it has ${names}`);
}

/** Throws `testbed-down`. */
async function requireTestbed(places: Places): Promise<TestbedState> {
  const state = await findTestbed(places);
  if (state !== undefined) return state;
  throw new PortkeyError('testbed-down', "no test bed is up; start one with './portkey testbed up'");
}
