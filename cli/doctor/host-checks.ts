/**
 * What this machine needs to run a test bed.
 *
 * Reads only; the machine is a parameter, so that each finding can be tested. Memory is not checked while a test bed
 * is up: it holds what it needs already.
 */
import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import path from 'node:path';

import { formatBytes } from '../../libraries/units/index.js';
import { sharedRoom, shortageOf, type Room } from '../../testbed/room.js';
import { ok, type Check } from './check.js';

export interface Machine {
  readonly nodeVersion: string;
  readonly isRoot: boolean;
  findProgram(name: string): Promise<string | undefined>;
  isUsable(device: string): Promise<boolean>;
  exists(file: string): Promise<boolean>;
  memoryAvailableBytes(): Promise<number>;
  /** In /dev/shm. */
  sharedRoom(): Promise<Room>;
}

interface NeededProgram {
  readonly name: string;
  /** Places besides PATH. */
  readonly alsoAt?: readonly string[];
  readonly package: string;
  readonly without: string;
}

const programs: readonly NeededProgram[] = [
  { name: 'qemu-system-x86_64', package: 'qemu-system-x86', without: 'no VM can run' },
  {
    name: 'virtiofsd',
    alsoAt: ['/usr/libexec/virtiofsd', '/usr/lib/qemu/virtiofsd'],
    package: 'virtiofsd, or qemu-system-common on bookworm',
    without: 'the VMs cannot see landed images',
  },
  { name: 'redis-server', package: 'redis-server', without: 'the controller has no place for its state' },
  { name: 'mmdebstrap', package: 'mmdebstrap', without: 'the guest image cannot be built' },
  { name: 'apt-ftparchive', package: 'apt-utils', without: 'the guest image cannot be built from the cache' },
  { name: 'mke2fs', package: 'e2fsprogs', without: 'the guest image cannot be built' },
  { name: 'ip', package: 'iproute2', without: 'hosts and VMs have no network' },
  { name: 'tc', package: 'iproute2', without: 'links have no speed limit' },
];

const defaultSize = { vms: 2, vmMemoryBytes: 2 * 2 ** 30 };
/** Two VMs of the default size and what runs beside them. */
const neededMemoryBytes = 5 * 2 ** 30;

export async function hostChecks(machine: Machine, testbedIsUp: boolean): Promise<Check[]> {
  return [
    nodeCheck(machine),
    machine.isRoot
      ? ok('host', 'root', 'yes')
      : {
          area: 'host',
          name: 'root',
          state: 'failed',
          detail: 'no: network namespaces cannot be made',
          fix: 'run as root, or with sudo',
        },
    ...(await Promise.all(programs.map((program) => programCheck(machine, program)))),
    await tunCheck(machine),
    await kvmCheck(machine),
    ...(testbedIsUp ? [] : await memoryChecks(machine)),
  ];
}

function nodeCheck({ nodeVersion }: Machine): Check {
  const [major = 0, minor = 0] = nodeVersion.replace(/^v/, '').split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 12)) return ok('host', 'node', nodeVersion);
  const detail = `${nodeVersion} is too old: nothing of Portkey runs`;
  return { area: 'host', name: 'node', state: 'failed', detail, fix: 'install Node.js 20.12 or later' };
}

async function programCheck(machine: Machine, program: NeededProgram): Promise<Check> {
  const found = await machine.findProgram(program.name);
  if (found !== undefined) return ok('host', program.name, found);
  for (const place of program.alsoAt ?? [])
    if (await machine.exists(place)) return ok('host', program.name, place);
  return {
    area: 'host',
    name: program.name,
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
    isUsable: (device) => may(device, constants.R_OK | constants.W_OK),
    exists: (file) => may(file, constants.F_OK),
    memoryAvailableBytes: async () => {
      const kibibytes = /^MemAvailable:\s+(\d+) kB$/m.exec(await readFile('/proc/meminfo', 'utf8'))?.[1];
      return Number(kibibytes ?? 0) * 1024;
    },
    sharedRoom,
  };
}
