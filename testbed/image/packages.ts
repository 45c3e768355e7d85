/**
 * The guest's packages, fetched once: all .deb files of the recipe's closure, as a small package archive of its own.
 *
 * Result: a folder with the .deb files, Packages and Release, named by the hash of the package list. It is made
 * under a temporary name and renamed when whole. What versions it holds is decided by the fetch; delete the
 * folder to take newer ones.
 */
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { PortkeyError } from '../../libraries/errors/index.js';
import { runChecked } from '../../libraries/process/index.js';
import type { Tools } from '../tools.js';
import { privateAptOptions, sourceLine } from './archive.js';
import type { Recipe } from './recipe.js';
import { exists, temporaryName } from './temporary.js';

const updateTimeoutMs = 5 * 60_000;
const downloadTimeoutMs = 30 * 60_000;

/** Makes sure the packages are there and returns their folder. Needs the network the first time only. */
export async function fetchPackages(
  recipe: Recipe,
  cache: string,
  env: NodeJS.ProcessEnv,
  tools: Tools,
): Promise<string> {
  const folder = path.join(cache, 'packages', recipe.packagesHash);
  if (await exists(folder)) return folder;

  tools.report(`guest image: fetching Debian ${recipe.suite} packages`);
  const work = temporaryName(folder);
  const archives = path.join(work, 'archives');
  try {
    await mkdir(path.join(work, 'lists/partial'), { recursive: true });
    await mkdir(path.join(archives, 'partial'), { recursive: true });
    await writeFile(path.join(work, 'status'), '');
    const source = await sourceLine(tools.run, recipe.suite, recipe.component, env);
    await writeFile(path.join(work, 'sources.list'), source);
    const apt = ['apt-get', '-qq', ...privateAptOptions(work)];
    await runChecked(tools.run, [...apt, 'update'], { timeoutMs: updateTimeoutMs });
    const wanted = ['?essential', recipe.kernel, ...recipe.packages];
    await runChecked(tools.run, [...apt, 'install', '--yes', '--download-only', ...wanted], {
      timeoutMs: downloadTimeoutMs,
    });
    await rm(path.join(archives, 'partial'), { recursive: true });
    await rm(path.join(archives, 'lock'), { force: true });
    await writeIndex(archives, recipe.suite, tools);
    await rename(archives, folder).catch(async (error: unknown) => {
      if (!(await exists(folder))) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  const count = (await readdir(folder)).filter((name) => name.endsWith('.deb')).length;
  tools.report(`guest image: ${count} packages fetched`);
  return folder;
}

/** The kernel's own package, which the meta package `recipe.kernel` brought in. */
export async function kernelPackage(folder: string): Promise<string> {
  const name = (await readdir(folder)).find((file) => /^linux-image-\d.*\.deb$/.test(file));
  if (name === undefined)
    throw new PortkeyError('testbed-failed', `${folder} holds no kernel; delete it and try again`);
  return path.join(folder, name);
}

async function writeIndex(folder: string, suite: string, tools: Tools): Promise<void> {
  const packages = await runChecked(tools.run, ['apt-ftparchive', 'packages', '.'], { cwd: folder });
  await writeFile(path.join(folder, 'Packages'), packages);
  // mmdebstrap asks apt for "essential packages of this suite", which apt answers by the Release file.
  const suiteOption = `APT::FTPArchive::Release::Codename=${suite}`;
  const release = await runChecked(tools.run, ['apt-ftparchive', '-o', suiteOption, 'release', '.'], {
    cwd: folder,
  });
  await writeFile(path.join(folder, 'Release'), release);
}
