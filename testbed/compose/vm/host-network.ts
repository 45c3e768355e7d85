/**
 * The network of a host that is a container (testbed/network/commands.ts), as root and before all else in it.
 *
 *   engine's network ═══ eth0 ── br0 (bridge, has the host's address) ── tap0 ── VM
 *
 * Afterwards nothing in the container needs a privilege: the tap is the VM's user's, and so are the devices.
 */
import { access, chmod, constants, stat } from 'node:fs/promises';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { runChecked, type RunCommand } from '../../../libraries/process/index.js';
import { exists } from '../../image/temporary.js';
import { containerHostCommands } from '../../network/commands.js';
import type { VmPlace } from '../../topology.js';

const tunDevice = '/dev/net/tun';
const devices = [tunDevice, '/dev/kvm', '/dev/vhost-net'];
const everybody = 0o666;
const forOthers = 0o006;

/** Throws `testbed-failed` where the engine has not given the container what it needs. */
export async function makeHostNetwork(
  vm: VmPlace,
  linkBitsPerSecond: number | undefined,
  owner: number,
  run: RunCommand,
): Promise<void> {
  await requireTun();
  for (const device of devices) if (await exists(device)) await openToEverybody(device);
  const uplink = await interfaceWith(vm.hostAddress, run);
  for (const command of containerHostCommands(vm, uplink, linkBitsPerSecond, owner)) {
    const { exitCode, stderr } = await run(command);
    if (exitCode !== 0) throw failure(command, stderr);
  }
}

/** It is the container's own file; what it leads to is as it was. A rootless engine shows the machine's, which is not ours to change. */
async function openToEverybody(device: string): Promise<void> {
  const { mode } = await stat(device);
  if ((mode & forOthers) === forOthers) return;
  await chmod(device, everybody).catch((cause: unknown) => {
    const message = `${device} is closed to ordinary users, and this engine does not let it be opened: chmod 666 ${device} on the machine that runs it`;
    throw new PortkeyError('testbed-failed', message, { cause });
  });
}

async function requireTun(): Promise<void> {
  const message = `${tunDevice} is missing or closed, and a VM's network needs it: load the module with 'modprobe tun' on the machine that runs the engine`;
  await access(tunDevice, constants.R_OK | constants.W_OK).catch(() => {
    throw new PortkeyError('testbed-failed', message);
  });
}

async function interfaceWith(address: string, run: RunCommand): Promise<string> {
  const text = await runChecked(run, ['ip', '-o', '-4', 'address', 'show', 'to', address]);
  const name = /^\d+: (\S+)/.exec(text)?.[1];
  if (name === undefined)
    throw new PortkeyError(
      'testbed-failed',
      `no interface has the address ${address}, which compose.yaml gives to this host`,
    );
  return name;
}

function failure([program, ...rest]: readonly string[], stderr: string): PortkeyError {
  const command = [program, ...rest].join(' ');
  const advice =
    program === 'tc'
      ? "the engine's kernel limits no link; set PORTKEY_LINK=unlimited"
      : 'this container needs the capability NET_ADMIN';
  return new PortkeyError('testbed-failed', `${command}: ${stderr.trim()} (${advice})`);
}
