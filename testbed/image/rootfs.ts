/**
 * The guest's root file system as a folder: packages by mmdebstrap, the kernel's modules, the recipe's own files.
 *
 * It is the same for the same packages on any host: what the host or the hour left in it (its host name and
 * resolver, logs, caches, backup files of passwd) is removed, and no file is younger than the recipe.
 */
import { chmod, lutimes, lstat, mkdir, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { PortkeyError } from '../../libraries/errors/index.js';
import { runChecked } from '../../libraries/process/index.js';
import type { Tools } from '../tools.js';
import { pathsBelow } from './ext4.js';
import { kernelPackage } from './packages.js';
import type { Recipe } from './recipe.js';

const timeoutMs = 15 * 60_000;

/** Left by the build in a form that differs from one build to the next, and needed by nobody. */
// prettier-ignore
const leftovers = [
  'etc/.pwd.lock', 'etc/group-', 'etc/gshadow-', 'etc/passwd-', 'etc/shadow-', 'etc/machine-id', 'etc/subgid-',
  'etc/subuid-', 'etc/apt/sources.list', 'var/cache/ldconfig', 'var/cache/debconf', 'var/lib/dpkg/status-old',
  'var/lib/dpkg/available-old', 'var/cache/apt', 'var/lib/apt', 'var/log', 'run', 'tmp', 'dev',
];

export interface Rootfs {
  readonly folder: string;
  /** Holds boot/vmlinuz-VERSION. */
  readonly kernelFolder: string;
  readonly kernelVersion: string;
}

/** Builds into `work`/root and `work`/kernel from the packages in `packages`, without network. */
export async function buildRootfs(
  recipe: Recipe,
  packages: string,
  work: string,
  tools: Tools,
): Promise<Rootfs> {
  const folder = path.join(work, 'root');
  tools.report('guest image: installing packages');
  await runChecked(tools.run, mmdebstrapCommand(recipe, packages, folder), {
    timeoutMs,
    env: { ...process.env, SOURCE_DATE_EPOCH: String(recipe.sourceDateEpoch), TMPDIR: work },
  });
  const kernelFolder = path.join(work, 'kernel');
  const kernelVersion = await addKernel(packages, kernelFolder, folder, tools);
  await addGuestFiles(recipe, folder);
  await removeLeftovers(folder);
  await clampTimes(folder, recipe.sourceDateEpoch);
  return { folder, kernelFolder, kernelVersion };
}

export function mmdebstrapCommand(recipe: Recipe, packages: string, folder: string): string[] {
  return [
    'mmdebstrap',
    '--quiet',
    '--mode=root',
    '--variant=essential',
    '--architectures=amd64',
    `--include=${recipe.packages.join(',')}`,
    '--aptopt=Acquire::Languages "none"',
    ...recipe.leaveOut.map((pattern) => `--dpkgopt=path-exclude=${pattern}`),
    recipe.suite,
    folder,
    `deb [trusted=yes] copy:${packages} ./`,
  ];
}

async function addKernel(
  packages: string,
  kernelFolder: string,
  root: string,
  tools: Tools,
): Promise<string> {
  await runChecked(tools.run, ['dpkg-deb', '-x', await kernelPackage(packages), kernelFolder], { timeoutMs });
  const modules = path.join(kernelFolder, 'usr/lib/modules');
  const [version] = await readdir(modules);
  if (version === undefined) throw new PortkeyError('testbed-failed', 'the kernel package holds no modules');
  await mkdir(path.join(root, 'usr/lib/modules'), { recursive: true });
  await rename(path.join(modules, version), path.join(root, 'usr/lib/modules', version));
  await rename(
    path.join(kernelFolder, 'boot', `config-${version}`),
    path.join(root, 'boot', `config-${version}`),
  );
  await runChecked(tools.run, ['chroot', root, 'depmod', version], { timeoutMs });
  return version;
}

async function addGuestFiles(recipe: Recipe, root: string): Promise<void> {
  for (const { target, mode, content } of recipe.guestFiles) {
    const file = path.join(root, target);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, content, { mode });
  }
  await symlink('/usr/bin/busybox', path.join(root, 'usr/sbin/init'));
  await symlink('/usr/bin/busybox', path.join(root, 'usr/sbin/poweroff'));
  await writeFile(path.join(root, 'etc/hostname'), 'portkey\n');
  await writeFile(path.join(root, 'etc/hosts'), '127.0.0.1 localhost\n');
  await writeFile(path.join(root, 'etc/resolv.conf'), '');
  for (const folder of ['mnt/portkey', 'opt/portkey'])
    await mkdir(path.join(root, folder), { recursive: true });
}

async function removeLeftovers(root: string): Promise<void> {
  for (const name of leftovers) await rm(path.join(root, name), { recursive: true, force: true });
  for (const name of ['dev', 'run', 'var/log', 'var/log/nginx', 'var/log/redis', 'var/cache/debconf'])
    await mkdir(path.join(root, name), { recursive: true });
  await mkdir(path.join(root, 'tmp'));
  await chmod(path.join(root, 'tmp'), 0o1777);
}

async function clampTimes(root: string, epoch: number): Promise<void> {
  for (const name of (await pathsBelow(root)).reverse()) {
    const file = path.join(root, name);
    if ((await lstat(file)).mtimeMs > epoch * 1000) await lutimes(file, epoch, epoch);
  }
}
