/**
 * What this machine needs to run a test bed.
 *
 * Reads only; the machine is a parameter, so that each finding can be tested. Memory is not checked while a test bed
 * is up: it holds what it needs already. Where the controller is one that the user named, the VMs are elsewhere, and
 * what only a test bed would need is no failure.
 */
import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import path from 'node:path';

import { formatBytes } from '../../libraries/units/index.js';
import { sharedRoom, shortageOf, type Room } from '../../testbed/room.js';
import { findVirtiofsd } from '../../testbed/vm/virtiofsd.js';
import { ok, type Check } from './check.js';

export interface Machine {
  readonly nodeVersion: string;
  readonly isRoot: boolean;
  findProgram(name: string): Promise<string | undefined>;
  /** As `testbed up` finds it. */
  findVirtiofsd(): Promise<string | undefined>;
  isUsable(device: string): Promise<boolean>;
  memoryAvailableBytes(): Promise<number>;
  /** In /dev/shm. */
  sharedRoom(): Promise<Room>;
}

export interface Circumstances {
  readonly testbedIsUp: boolean;
  readonly controllerIsNamed: boolean;
}

interface NeededProgram {
  readonly name: string;
  readonly package: string;
  readonly without: string;
}

const virtiofsd = 'virtiofsd';

const programs: readonly NeededProgram[] = [
  { name: 'qemu-system-x86_64', package: 'qemu-system-x86', without: 'no VM can run' },
  { name: 'qemu-img', package: 'qemu-utils', without: 'whole-VM migration has no disk' },
  {
    name: virtiofsd,
    package: 'virtiofsd, or qemu-system-common on bookworm',
    without: 'the VMs cannot see landed images',
  },
  { name: 'redis-server', package: 'redis-server', without: 'the controller has no place for its state' },
  { name: 'mmdebstrap', package: 'mmdebstrap', without: 'the guest image cannot be built' },
  { name: 'apt-ftparchive', package: 'apt-utils', without: 'the guest image cannot be built from the cache' },
  { name: 'mke2fs', package: 'e2fsprogs', without: 'the guest image cannot be built' },
  { name: 'openssl', package: 'openssl', without: 'nobody has a certificate' },
  { name: 'ip', package: 'iproute2', without: 'hosts and VMs have no network' },
  { name: 'tc', package: 'iproute2', without: 'links have no speed limit' },
];

const defaultSize = { vms: 2, vmMemoryBytes: 2 * 2 ** 30 };
/** Two VMs of the default size and what runs beside them. */
const neededMemoryBytes = 5 * 2 ** 30;

export async function hostChecks(
  machine: Machine,
  { testbedIsUp, controllerIsNamed }: Circumstances,
): Promise<Check[]> {
  const forTestbed = [
    rootCheck(machine),
    ...(await Promise.all(programs.map((program) => programCheck(machine, program)))),
    await tunCheck(machine),
    await kvmCheck(machine),
    ...(testbedIsUp ? [] : await memoryChecks(machine)),
  ];
  return [nodeCheck(machine), ...(controllerIsNamed ? forTestbed.map(asWarning) : forTestbed)];
}

function asWarning(check: Check): Check {
  if (check.state !== 'failed') return check;
  return { ...check, state: 'warning', detail: `${check.detail}; only a test bed here would need it` };
}

function rootCheck({ isRoot }: Machine): Check {
  if (isRoot) return ok('host', 'root', 'yes');
  const detail = 'no: network namespaces cannot be made';
  return { area: 'host', name: 'root', state: 'failed', detail, fix: 'run as root, or with sudo' };
}

function nodeCheck({ nodeVersion }: Machine): Check {
  const [major = 0, minor = 0] = nodeVersion.replace(/^v/, '').split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 12)) return ok('host', 'node', nodeVersion);
  const detail = `${nodeVersion} is too old: nothing of Portkey runs`;
  return { area: 'host', name: 'node', state: 'failed', detail, fix: 'install Node.js 20.12 or later' };
}

async function programCheck(machine: Machine, program: NeededProgram): Promise<Check> {
  const { name } = program;
  const found = await (name === virtiofsd ? machine.findVirtiofsd() : machine.findProgram(name));
  if (found !== undefined) return ok('host', name, found);
  return {
    area: 'host',
    name,
    state: 'failed',
    detail: `missing: ${program.without}`,
    fix: `bash scripts/install-packages.sh (Debian package ${program.package})`,
  };
}

async function tunCheck(machine: Machine): Promise<Check> {
  if (await machine.isUsable('/dev/net/tun')) return ok('host', '/dev/net/tun', 'usable');
  return {
    area: 'host',
    name: '/dev/net/tun',
    state: 'failed',
    detail: 'cannot be opened: the VMs get no network',
    fix: 'modprobe tun; in a container, pass the device in with --device /dev/net/tun',
  };
}

async function kvmCheck(machine: Machine): Promise<Check> {
  if (await machine.isUsable('/dev/kvm'))
    return ok('host', '/dev/kvm', "can be opened; 'testbed up' tries by booting a guest whether it works");
  return {
    area: 'host',
    name: '/dev/kvm',
    state: 'warning',
    detail: 'not there: VMs are emulated (TCG), which is slower and works',
    fix: 'switch hardware virtualization on, or live with it',
  };
}

async function memoryChecks(machine: Machine): Promise<Check[]> {
  const available = await machine.memoryAvailableBytes();
  const room = await machine.sharedRoom();
  const shortage = shortageOf(defaultSize, room);
  return [
    available >= neededMemoryBytes
      ? ok('host', 'memory', `${formatBytes(available)} free`)
      : {
          area: 'host',
          name: 'memory',
          state: 'warning',
          detail: `${formatBytes(available)} free: two VMs of the default size need ${formatBytes(neededMemoryBytes)}`,
          fix: 'use smaller VMs: --vm-memory 1G',
        },
    shortage === undefined
      ? ok('host', '/dev/shm', `${formatBytes(room.freeBytes)} free`)
      : { area: 'host', name: '/dev/shm', state: 'warning', detail: shortage.problem, fix: shortage.fix },
  ];
}

export function thisMachine(env: NodeJS.ProcessEnv): Machine {
  const may = (file: string, how: number): Promise<boolean> =>
    access(file, how).then(
      () => true,
      () => false,
    );
  return {
    nodeVersion: process.version,
    isRoot: process.getuid?.() === 0,
    findProgram: async (name) => {
      for (const folder of (env['PATH'] ?? '').split(':').filter((part) => part !== '')) {
        const file = path.join(folder, name);
        if (await may(file, constants.X_OK)) return file;
      }
      return undefined;
    },
    findVirtiofsd: () =>
      findVirtiofsd().then(
        ({ path }) => path,
        () => undefined,
      ),
    isUsable: (device) => may(device, constants.R_OK | constants.W_OK),
    memoryAvailableBytes: async () => {
      const kibibytes = /^MemAvailable:\s+(\d+) kB$/m.exec(await readFile('/proc/meminfo', 'utf8'))?.[1];
      return Number(kibibytes ?? 0) * 1024;
    },
    sharedRoom,
  };
}
