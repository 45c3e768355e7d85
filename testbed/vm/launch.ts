/**
 * Starts one VM: its folders, virtiofsd, then QEMU, both in its host's network namespace.
 *
 * On return QEMU serves its sockets; the guest is still booting. Both pids are written to the files that the relay
 * reads to account for CPU. Nothing here ends a VM: that is the supervisor's.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { PortkeyError } from '../../libraries/errors/index.js';
import type { GuestImage } from '../image/store.js';
import { exists } from '../image/temporary.js';
import type { Daemon, StartDaemon } from '../supervision/daemon.js';
import { waitFor } from '../supervision/wait.js';
import type { Tools } from '../tools.js';
import type { VmPlace } from '../topology.js';
import { qemuCommand, type VmHardware } from './qemu-command.js';
import { findVirtiofsd, virtiofsdCommand } from './virtiofsd.js';

const virtiofsdTimeoutMs = 10_000;

/** Touching all of a large guest's RAM takes a while. */
const qemuTimeoutMs = 60_000;

/** Without a namespace: in the caller's own network. */
export type Launchable = Omit<VmPlace, 'namespace'> & { readonly namespace: string | undefined };

export interface RunningVm {
  readonly qemu: Daemon;
  readonly virtiofsd: Daemon;
}

/** `owner`: of all files in the share, where virtiofsd runs as an ordinary user; see virtiofsdCommand. */
export async function launchVm(
  vm: Launchable,
  image: GuestImage,
  hardware: VmHardware,
  start: StartDaemon,
  tools: Tools,
  owner?: number,
): Promise<RunningVm> {
  // One that ran before has left them, and by them it is told that the new one serves.
  for (const socket of [vm.qmpSocket, vm.virtiofsdSocket, vm.checkpointSocket, vm.restoreSocket])
    await rm(socket, { force: true });
  for (const folder of ['landing', 'outgoing']) await mkdir(path.join(vm.share, folder), { recursive: true });
  const namespace = vm.namespace === undefined ? {} : { namespace: vm.namespace };
  const virtiofsd = start({
    name: `${vm.name}-virtiofsd`,
    argv: virtiofsdCommand(await findVirtiofsd(), vm.virtiofsdSocket, vm.share, owner),
    ...namespace,
  });
  await socketOf(vm.virtiofsdSocket, [virtiofsd], virtiofsdTimeoutMs, tools);
  const qemu = start({
    name: `${vm.name}-qemu`,
    argv: qemuCommand(vm, image, hardware),
    ...namespace,
  });
  await socketOf(vm.qmpSocket, [virtiofsd, qemu], qemuTimeoutMs, tools);
  await writeFile(vm.qemuPidFile, `${qemu.pid}\n`);
  await writeFile(vm.virtiofsdPidFile, (await withChildren(virtiofsd.pid)).map((pid) => `${pid}\n`).join(''));
  return { qemu, virtiofsd };
}

async function socketOf(
  socket: string,
  daemons: readonly Daemon[],
  timeoutMs: number,
  tools: Tools,
): Promise<void> {
  const owner = daemons.at(-1)?.name ?? '';
  const late = (): PortkeyError =>
    new PortkeyError('testbed-failed', `${owner} did not open ${socket} within ${timeoutMs / 1000} s`);
  await waitFor({ until: () => exists(socket), daemons, timeoutMs, late }, tools);
}

/** virtiofsd serves from a child in a sandbox of its own. */
async function withChildren(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const children = text.trim().split(/\s+/).filter(Boolean).map(Number);
  return [pid, ...(await Promise.all(children.map(withChildren))).flat()];
}
