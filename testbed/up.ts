/**
 * Brings the test bed up: room → image → accelerator → network → VMs → services → all healthy → state file.
 *
 * Either everything is up on return, or nothing is left. What an earlier run left behind when it crashed is removed
 * first; a test bed that runs is not touched. One `up` at a time (lock). When the signal fires, what has been
 * started is taken down before `cancelled` is thrown; after a SIGKILL the next `up` or `down` does that.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';

import { PortkeyError } from '../libraries/errors/index.js';
import { secondsSince } from '../libraries/process/index.js';
import { formatBytes, parseBitRate } from '../libraries/units/index.js';
import { makeBedCertificates, makeIdentityDisk } from './certificates.js';
import { remains, takeDown } from './down.js';
import { findTestbed } from './find.js';
import { consoleLog, waitUntilHealthy } from './health.js';
import { makeCodeDisk } from './image/code-disk.js';
import { ensureImage, type GuestImage } from './image/store.js';
import { tryLock } from './lock.js';
import { createNetwork } from './network/network.js';
import type { Places } from './paths.js';
import { requirePrograms } from './programs.js';
import { requireRoom } from './room.js';
import { requireServices, startServices } from './services.js';
import { waitForRest } from './rest.js';
import { writeState, type TestbedState } from './state.js';
import { daemonStarter, type Daemon } from './supervision/daemon.js';
import { markedProcesses } from './supervision/marker.js';
import type { Tools } from './tools.js';
import {
  certificatesFolder,
  maximumControllers,
  maximumStreams,
  maximumVms,
  topologyOf,
  type Topology,
} from './topology.js';
import { chooseAccelerator, type AcceleratorChoice } from './vm/accelerator.js';
import { launchVm } from './vm/launch.js';
import { vmCpus, type VmHardware } from './vm/qemu-command.js';
import { hasVhostNet } from './vm/vhost-net.js';
import { qemuVersion, upstreamVersion } from './versions.js';
import { wholeVmName } from './yardstick/whole-vm/place.js';

/** Held by whoever brings the test bed up. */
export const upLock = 'testbed';

export interface UpOptions {
  readonly vms: number;
  readonly vmMemoryBytes: number;
  readonly accel: AcceleratorChoice;
  /** Speed of each host's link, as `tc` writes it: "10gbit". */
  readonly link: string;
  /** Connections of each migration between two relays; 1 where left out. */
  readonly streams?: number;
  /** 1 where left out. */
  readonly controllers?: number;
}

/** What this host has for its VMs. */
type Machine = Pick<VmHardware, 'accelerator' | 'vhostNet'>;

/** Throws `testbed-already-up`, `missing-program`, `invalid-argument`, `testbed-failed`, `cancelled`. */
export async function bringUp(
  options: UpOptions,
  places: Places,
  env: NodeJS.ProcessEnv,
  tools: Tools,
): Promise<TestbedState> {
  const started = tools.clock.monotonicMs();
  checkOptions(options);
  await requirePrograms(env);
  await requireServices(places.project);
  const lock = await tryLock(upLock);
  if (lock === undefined)
    throw new PortkeyError('testbed-already-up', 'another command is bringing the test bed up; wait for it');
  try {
    await clearRemains(places, tools);
    await requireRoom(options);
    const image = await ensureImage(places, env, tools);
    const accelerator = await chooseAccelerator(options.accel, image, places.cache, tools);
    const machine: Machine = { accelerator, vhostNet: await hasVhostNet() };
    const topology = topologyOf(options.vms, places.runtime, options.controllers);
    try {
      const daemons = await startAll(options, topology, image, machine, places, tools);
      const state = await describe(options, topology, image, machine, daemons, tools);
      await writeState(places.state, state);
      tools.report(`test bed up in ${secondsSince(tools.clock, started).toFixed(1)} s (${accelerator})`);
      return state;
    } catch (error) {
      tools.report('test bed failed to come up, removing what was started');
      await takeDown(places, tools);
      throw error;
    }
  } finally {
    await lock.release();
  }
}

function checkOptions({ vms, vmMemoryBytes, link, streams = 1, controllers = 1 }: UpOptions): void {
  if (!Number.isInteger(vms) || vms < 1 || vms > maximumVms)
    throw new PortkeyError('invalid-argument', `a test bed has 1 to ${maximumVms} VMs, not ${vms}`);
  if (vmMemoryBytes % 2 ** 20 !== 0 || vmMemoryBytes < 512 * 2 ** 20)
    throw new PortkeyError('invalid-argument', 'a VM has at least 512M of memory, in whole MiB');
  parseBitRate(link);
  if (!Number.isInteger(streams) || streams < 1 || streams > maximumStreams)
    throw new PortkeyError(
      'invalid-argument',
      `a migration has 1 to ${maximumStreams} streams, not ${streams}`,
    );
  if (!Number.isInteger(controllers) || controllers < 1 || controllers > maximumControllers)
    throw new PortkeyError(
      'invalid-argument',
      `a test bed has 1 to ${maximumControllers} controllers, not ${controllers}`,
    );
  if (process.getuid?.() !== 0)
    throw new PortkeyError(
      'testbed-failed',
      'the test bed makes network namespaces, which needs root; use sudo',
    );
}

async function clearRemains(places: Places, tools: Tools): Promise<void> {
  const found = await remains(places);
  if (found.length === 0) return;
  const finished = (await findTestbed(places)) !== undefined;
  if (finished && (await markedProcesses(places.runtime)).length > 0)
    throw new PortkeyError(
      'testbed-already-up',
      "the test bed is up; take it down first with 'testbed down'",
    );
  tools.report('removing what a crashed test bed left behind');
  await takeDown(places, tools);
}

async function startAll(
  options: UpOptions,
  topology: Topology,
  image: GuestImage,
  { accelerator, vhostNet }: Machine,
  places: Places,
  tools: Tools,
): Promise<Daemon[]> {
  await mkdir(places.runtime, { recursive: true, mode: 0o700 });
  await mkdir(places.logs, { recursive: true });
  const certificates = certificatesFolder(places.runtime);
  await makeBedCertificates(topology.vms, [wholeVmName], certificates, tools.run);
  for (const { name, identityDisk } of topology.vms)
    await makeIdentityDisk(name, identityDisk, certificates, tools.run);
  await makeCodeDisk(path.join(places.project, 'build/guest'), topology.codeDisk, tools.run);
  await createNetwork(topology.vms, parseBitRate(options.link) * 8, tools.run);
  const start = daemonStarter(places.runtime, places.logs);
  tools.report(`starting ${options.vms} VMs of ${formatBytes(options.vmMemoryBytes)} (${accelerator})`);
  const vms = await Promise.all(
    topology.vms.map((vm) =>
      launchVm(
        vm,
        image,
        {
          accelerator,
          memoryBytes: options.vmMemoryBytes,
          vhostNet,
          codeDisk: topology.codeDisk,
          consoleLog: consoleLog(vm.name, places.logs),
        },
        start,
        tools,
      ),
    ),
  );
  const daemons = vms.flatMap(({ qemu, virtiofsd }) => [qemu, virtiofsd]);
  daemons.push(...(await startServices(topology, options.streams ?? 1, places, start)));
  await waitUntilHealthy(topology, daemons, places, tools);
  await waitForRest(topology, tools);
  return daemons;
}

async function describe(
  options: UpOptions,
  topology: Topology,
  image: GuestImage,
  { accelerator, vhostNet }: Machine,
  daemons: readonly Daemon[],
  tools: Tools,
): Promise<TestbedState> {
  const { kernel, packages } = image.manifest;
  return {
    version: 1,
    startedAt: tools.clock.wallTime().toISOString(),
    controller: `unix:${topology.controllers[0]?.socket ?? ''}`,
    controllerCount: topology.controllers.length,
    vms: topology.vms.map(({ name, host, address }) => ({ name, host, address })),
    processes: daemons.map(({ name, pid }) => ({ name, pid })),
    accel: accelerator,
    vhostNet,
    kernel,
    criu: upstreamVersion(packages.criu),
    runc: upstreamVersion(packages.runc),
    qemu: await qemuVersion(tools.run),
    cpus: vmCpus[accelerator],
    vmMemoryBytes: options.vmMemoryBytes,
    link: options.link,
    streams: options.streams ?? 1,
  };
}
