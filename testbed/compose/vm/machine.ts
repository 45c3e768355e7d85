/**
 * One VM in a container: disks → virtiofsd → QEMU → until one of the two ends, or the container is told to.
 *
 * It runs as an ordinary user without any privilege: the network is there (host-network.ts), RAM and sockets are in a volume
 * that the relay shares. The guest's console goes to the container's log. Whether the guest serves is the health check's
 * matter.
 *
 * Told to end, it ends QEMU, as pulling the plug does: the guest's disk is not kept, and its containers are gone.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { formatBytes } from '../../../libraries/units/index.js';
import { makeIdentityDisk } from '../../certificates.js';
import { makeCodeDisk } from '../../image/code-disk.js';
import { openImage } from '../../image/store.js';
import { projectFile } from '../../paths.js';
import type { Tools } from '../../tools.js';
import { chooseAccelerator } from '../../vm/accelerator.js';
import { launchVm } from '../../vm/launch.js';
import { hasVhostNet } from '../../vm/vhost-net.js';
import { composeRuntime, composeTopology, portkeyId, secretOf } from '../places.js';
import { attachedPrograms } from './attached.js';
import { requireMemory, type Memory } from './memory.js';
import { memoryBytesOf, vmOf, type VmSettings } from './settings.js';

const imageFolder = projectFile('image');

/**
 * Runs until `tools.signal` fires. Throws `testbed-failed` where the VM cannot be started, or ends by itself.
 * `memory`: the machine's, at the start.
 */
export async function runMachine(settings: VmSettings, memory: Memory, tools: Tools): Promise<void> {
  const vm = { ...vmOf(settings), namespace: undefined };
  const memoryBytes = memoryBytesOf(settings);
  requireMemory(memoryBytes, settings.PORTKEY_VMS, memory);
  const { codeDisk } = composeTopology(1);
  const image = await openImage(imageFolder);
  const accelerator = await chooseAccelerator(
    settings.PORTKEY_ACCEL,
    image,
    composeRuntime,
    tools,
    undefined,
    'leave compose.kvm.yaml out',
  );
  await makeIdentityDisk(vm.name, vm.identityDisk, secretOf(vm.name), tools.run);
  await makeCodeDisk(projectFile('build/guest'), codeDisk, tools.run);
  const consoleLog = path.join(composeRuntime, 'console.log');
  await mkdir(vm.share, { recursive: true });
  await writeFile(consoleLog, '');
  const { start, ended } = attachedPrograms();
  start({ name: 'the guest’s console', argv: ['tail', '-n', '+1', '-F', consoleLog] });
  const vhostNet = await hasVhostNet();
  tools.report(
    `starting, with ${formatBytes(memoryBytes)} of memory (${accelerator}${vhostNet ? ', vhost-net' : ''})`,
  );
  const { qemu } = await launchVm(
    vm,
    image,
    { accelerator, memoryBytes, vhostNet, codeDisk, consoleLog },
    start,
    tools,
    portkeyId,
  );
  const isStopped = new Promise<undefined>((resolve) =>
    tools.signal.addEventListener('abort', () => resolve(undefined), { once: true }),
  );
  const failure = tools.signal.aborted ? undefined : await Promise.race([ended, isStopped]);
  if (failure !== undefined) throw failure;
  process.kill(qemu.pid, 'SIGTERM');
  await ended;
}
