/**
 * The guest image, from the cache or built.
 *
 * Goal: `ensureImage` returns a folder with rootfs.ext4, vmlinuz, initrd and manifest.json, named by the recipe's
 * hash. It is built under a temporary name and renamed, so an interrupted build leaves nothing half-made; a lock
 * keeps two builders from doing the work twice, and where the lock does not reach, the first rename wins.
 */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { z } from 'zod';

import { runChecked, secondsSince } from '../../libraries/process/index.js';
import { tryLock } from '../lock.js';
import type { Places } from '../paths.js';
import { throwIfStopped, type Tools } from '../tools.js';
import { makeExt4 } from './ext4.js';
import { writeInitrd } from './initrd.js';
import { fetchPackages } from './packages.js';
import { loadRecipe, type Recipe } from './recipe.js';
import { buildRootfs } from './rootfs.js';
import { exists, removeAbandoned, temporaryName } from './temporary.js';

const manifestSchema = z.object({ kernel: z.string(), packages: z.record(z.string(), z.string()) });

/** Versions of what is in the image: the kernel's release and each package's version. */
export type Manifest = z.infer<typeof manifestSchema>;

export interface GuestImage {
  readonly rootfs: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly manifest: Manifest;
}

export async function ensureImage(places: Places, env: NodeJS.ProcessEnv, tools: Tools): Promise<GuestImage> {
  const recipe = await loadRecipe(path.join(places.project, 'testbed/image'));
  const folder = path.join(places.cache, 'images', recipe.hash);
  let told = false;
  while (!(await exists(folder))) {
    throwIfStopped(tools.signal);
    const lock = await tryLock(`image-${recipe.hash}`);
    if (lock === undefined) {
      if (!told) tools.report('guest image: another process is building it, waiting');
      told = true;
      await tools.clock.sleep(500, tools.signal);
      continue;
    }
    try {
      if (!(await exists(folder))) await build(recipe, folder, places, env, tools);
    } finally {
      await lock.release();
    }
  }
  return openImage(folder);
}

async function build(
  recipe: Recipe,
  folder: string,
  places: Places,
  env: NodeJS.ProcessEnv,
  tools: Tools,
): Promise<void> {
  const started = tools.clock.monotonicMs();
  for (const parent of ['images', 'packages']) await removeAbandoned(path.join(places.cache, parent));
  const work = temporaryName(folder);
  const result = path.join(work, 'result');
  // The umask would end up in the image; nothing else runs in this process while an image is built.
  const umask = process.umask(0o022);
  try {
    await mkdir(result, { recursive: true });
    const packages = await fetchPackages(recipe, places.cache, env, tools);
    const rootfs = await buildRootfs(recipe, packages, work, tools);
    tools.report('guest image: writing the disk');
    const { diskBytes, sourceDateEpoch } = recipe;
    await makeExt4(
      rootfs.folder,
      path.join(result, 'rootfs.ext4'),
      { label: 'portkey', bytes: diskBytes, epoch: sourceDateEpoch },
      tools,
    );
    await writeInitrd(recipe, rootfs, work, path.join(result, 'initrd'), tools);
    await rename(
      path.join(rootfs.kernelFolder, 'boot', `vmlinuz-${rootfs.kernelVersion}`),
      path.join(result, 'vmlinuz'),
    );
    await writeManifest(rootfs.folder, rootfs.kernelVersion, path.join(result, 'manifest.json'), tools);
    await rename(result, folder).catch(async (error: unknown) => {
      if (!(await exists(folder))) throw error;
    });
  } finally {
    process.umask(umask);
    await rm(work, { recursive: true, force: true });
  }
  tools.report(`guest image: built in ${secondsSince(tools.clock, started).toFixed(0)} s`);
}

async function writeManifest(root: string, kernel: string, target: string, tools: Tools): Promise<void> {
  const admin = `--admindir=${path.join(root, 'var/lib/dpkg')}`;
  const list = await runChecked(tools.run, ['dpkg-query', admin, '-W', '-f', '${Package} ${Version}\n']);
  const packages = Object.fromEntries(
    list
      .trim()
      .split('\n')
      .map((line) => line.split(' ')),
  ) as Record<string, string>;
  const manifest: Manifest = { kernel, packages };
  await writeFile(target, `${JSON.stringify(manifest, null, 2)}\n`);
}

/** One that has been built. Throws where the folder has none. */
export async function openImage(folder: string): Promise<GuestImage> {
  const text = await readFile(path.join(folder, 'manifest.json'), 'utf8');
  return {
    rootfs: path.join(folder, 'rootfs.ext4'),
    kernel: path.join(folder, 'vmlinuz'),
    initrd: path.join(folder, 'initrd'),
    manifest: manifestSchema.parse(JSON.parse(text)),
  };
}
