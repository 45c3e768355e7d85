/**
 * Whole-VM live migration by QEMU: what one would do instead of moving the container.
 *
 *   start: room → taps, disk, gateway → QEMU → guest agent → at rest → Redis and its client     migrate, as often as wanted
 *   migrate: a QEMU that waits on the other host → QEMU's migration → the first QEMU ended
 *
 * The VM is like the test bed's (same kernel, image, CPU, RAM, agents, network) without virtiofs, beside them on the same
 * hosts, and its pages travel over the hosts' link. RAM is in files of each end, so all of it that is not zero does travel.
 *
 * Invariants: at most two QEMUs; `close` ends all that was started, whatever happened, and `start` does where it
 * throws. Of a process that was killed, the QEMUs and the gateway end by themselves; files, taps and the client are
 * removed by the next `start`, and all by `testbed down`. One at a time: two would share names.
 *
 * Limit: on hosts before Linux 6.4 with vhost-net, its kernel threads are not in QEMU's CPU.
 */
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { runChecked } from '../../../libraries/process/index.js';
import { isServing } from '../../../libraries/rpc/index.js';
import { makeIdentityDisk, operatorOf } from '../../certificates.js';
import type { GatewayConfig } from '../../gateway/routes.js';
import { consoleLog } from '../../health.js';
import { ensureImage, type GuestImage } from '../../image/store.js';
import { tapCommands } from '../../network/commands.js';
import type { Places } from '../../paths.js';
import { daemonStarter, type Daemon, type StartDaemon } from '../../supervision/daemon.js';
import { waitFor } from '../../supervision/wait.js';
import type { Tools } from '../../tools.js';
import { certificatesFolder, outsideNamespace, topologyOf } from '../../topology.js';
import { movableCommand, type Accelerator, type VmHardware } from '../../vm/qemu-command.js';
import { hasVhostNet } from '../../vm/vhost-net.js';
import { stopWorkload, type WorkloadPlace } from '../../workload/index.js';
import { startGuestWorkload, type GuestWorkload } from './guest-workload.js';
import { idleShareOf, shareOver } from './idle-share.js';
import { endDaemon, endsWithStarter, Machine } from './machine.js';
import { wholeVmName, wholeVmPlace, type WholeVmEnd, type WholeVmPlace } from './place.js';
import { migrateByQemu, type QemuMigration } from './qemu-migration.js';
import { requireWholeVmRoom } from './room.js';

const guestTimeoutMs = 240_000;
const guestPollMs = 250;
const checkDeadlineMs = 5_000;
/** The waiting QEMU's share is as good as nothing, which need not be looked at for long. */
const waitingWindowMs = 500;

export interface WholeVmRequest extends GuestWorkload {
  readonly vmMemoryBytes: number;
  readonly accelerator: Accelerator;
}

export class WholeVm implements AsyncDisposable {
  private readonly place: WholeVmPlace;
  private readonly startDaemon: StartDaemon;
  private gateway: Daemon | undefined;
  /** The first has the VM. */
  private machines: Machine[] = [];
  private idleShare = 0;

  private constructor(
    private readonly request: WholeVmRequest,
    private readonly places: Places,
    /** Of the client outside; its container is called `workload`. */
    private readonly clients: WorkloadPlace,
    private readonly tools: Tools,
  ) {
    this.place = wholeVmPlace(places.runtime);
    this.startDaemon = daemonStarter(places.runtime, places.logs);
  }

  /** Throws `no-room` before anything is started, `testbed-failed`, `cancelled`, and what the workload throws. */
  static async start(
    request: WholeVmRequest,
    places: Places,
    clients: WorkloadPlace,
    tools: Tools,
  ): Promise<WholeVm> {
    const vm = new WholeVm(request, places, clients, tools);
    await vm.removeFilesAndTaps();
    await requireWholeVmRoom(request.vmMemoryBytes);
    try {
      await vm.begin();
      return vm;
    } catch (error) {
      await vm[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The client's name, as that of a container's. */
  get workload(): string {
    return wholeVmName;
  }

  /** To the other host. Where it throws, the VM is lost, and only closing is left. */
  async migrate(): Promise<QemuMigration> {
    const { tools } = this;
    const [source] = this.machines;
    const destinationEnd = this.place.ends.find((end) => end !== source?.end);
    if (source === undefined || destinationEnd === undefined)
      throw new PortkeyError('testbed-failed', 'the VM that QEMU shall migrate is gone');
    const destination = await this.startMachine(destinationEnd, destinationEnd.migrationAddress);
    const waitingShare = await shareOver(waitingWindowMs, destination, tools.clock);
    const idle = { source: this.idleShare, destination: waitingShare };
    const migration = await migrateByQemu(source, destination, this.request.accelerator, idle, tools);
    this.machines = [destination];
    await source.stop();
    return migration;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { clock } = this.tools;
    await Promise.all(this.machines.map((machine) => machine.stop()));
    this.machines = [];
    if (this.gateway !== undefined) await endDaemon(this.gateway, clock);
    await this.removeFilesAndTaps();
  }

  private async begin(): Promise<void> {
    const { place, places, request, tools, clients } = this;
    const [first] = place.ends;
    const image = await this.image();
    for (const { namespace, qemu } of place.ends)
      for (const command of tapCommands(namespace, qemu.tap)) await runChecked(tools.run, command);
    await runChecked(tools.run, [
      ...['qemu-img', 'create', '-q', '-f', 'qcow2'],
      ...['-b', image.rootfs, '-F', 'raw', place.rootOverlay],
    ]);
    await makeIdentityDisk(place.name, place.identityDisk, certificatesFolder(places.runtime), tools.run);
    await this.startGateway(places.project);
    const machine = await this.startMachine(first);
    const { address, socket } = place.agents.guest;
    const late = (): PortkeyError =>
      new PortkeyError(
        'testbed-failed',
        `the guest agent at ${address} is not ready within ${guestTimeoutMs / 1000} s`,
      );
    const until = (): Promise<boolean> =>
      isServing(`unix:${socket}`, checkDeadlineMs, operatorOf(place.certificates), {
        role: 'guest',
        name: place.name,
      });
    const wait = { until, daemons: [machine.daemon], timeoutMs: guestTimeoutMs, pollMs: guestPollMs, late };
    await waitFor(wait, tools);
    tools.report("measuring an idle VM's own CPU");
    this.idleShare = await idleShareOf(machine, tools);
    const { memoryBytes, writeBytesPerSecond } = request;
    tools.report('loading the Redis in it');
    await startGuestWorkload(place, clients, { memoryBytes, writeBytesPerSecond }, tools.clock, tools.signal);
  }

  private image(): Promise<GuestImage> {
    return ensureImage(this.places, process.env, this.tools);
  }

  private async startMachine(end: WholeVmEnd, incoming?: string): Promise<Machine> {
    const { request, places, tools } = this;
    const hardware: VmHardware = {
      accelerator: request.accelerator,
      memoryBytes: request.vmMemoryBytes,
      vhostNet: await hasVhostNet(),
      codeDisk: topologyOf(0, places.runtime).codeDisk,
      consoleLog: consoleLog(`${wholeVmName}-${end.host}`, places.logs),
    };
    const command = movableCommand(end.qemu, await this.image(), hardware, incoming);
    const machine = await Machine.start(end, command, this.startDaemon, tools);
    this.machines.push(machine);
    return machine;
  }

  /** The way to the guest agent, as the test bed's VMs have it. */
  private async startGateway(project: string): Promise<void> {
    const { agents, address, gatewayConfig } = this.place;
    const port = Number(agents.guest.address.split(':').at(-1));
    const config: GatewayConfig = { routes: [{ socket: agents.guest.socket, host: address, port }] };
    await writeFile(gatewayConfig, JSON.stringify(config));
    const main = path.join(project, 'build/testbed/gateway/main.js');
    this.gateway = this.startDaemon({
      name: `${wholeVmName}-gateway`,
      argv: endsWithStarter([process.execPath, main, gatewayConfig]),
      namespace: outsideNamespace,
    });
  }

  /** And the client, which does not end by itself. */
  private async removeFilesAndTaps(): Promise<void> {
    const { place, tools } = this;
    await stopWorkload(this.clients, wholeVmName, tools.clock);
    for (const { namespace, qemu } of place.ends) {
      // Fails where there is none.
      await tools.runToEnd(['ip', '-n', namespace, 'link', 'delete', qemu.tap]);
    }
    const files = [place.rootOverlay, place.gatewayConfig, place.identityDisk, place.agents.guest.socket];
    const ofEnds = place.ends.flatMap((end) => end.files);
    await Promise.all([...files, ...ofEnds].map((file) => rm(file, { force: true })));
  }
}
