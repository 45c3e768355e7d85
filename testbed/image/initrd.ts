/**
 * The initial RAM file system: a static busybox, the modules that the root disk needs, and guest/initrd.sh.
 */
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { runChecked } from '../../libraries/process/index.js';
import type { Tools } from '../tools.js';
import { fileMode, folderMode, programMode, writeCpio, type CpioEntry } from './cpio.js';
import type { Recipe } from './recipe.js';
import type { Rootfs } from './rootfs.js';

export async function writeInitrd(
  recipe: Recipe,
  rootfs: Rootfs,
  work: string,
  target: string,
  tools: Tools,
): Promise<void> {
  const busybox = path.join(rootfs.folder, 'usr/bin/busybox');
  const entries: CpioEntry[] = [
    { name: 'bin', mode: folderMode },
    { name: 'bin/busybox', mode: programMode, content: await readFile(busybox) },
    { name: 'dev', mode: folderMode },
    { name: 'init', mode: programMode, content: recipe.initrdInit },
    { name: 'modules', mode: folderMode },
    { name: 'proc', mode: folderMode },
    { name: 'root', mode: folderMode },
  ];
  for (const [index, module] of recipe.initrdModules.entries()) {
    // Numbered, since initrd.sh loads them in the order of their names; unpacked, since its insmod cannot do it.
    const name = `${String(index).padStart(2, '0')}-${path.basename(module, '.xz')}`;
    const copy = path.join(work, `${name}.xz`);
    await copyFile(path.join(rootfs.folder, 'usr/lib/modules', rootfs.kernelVersion, module), copy);
    await runChecked(tools.run, [busybox, 'unxz', copy]);
    entries.push({ name: `modules/${name}`, mode: fileMode, content: await readFile(path.join(work, name)) });
  }
  await writeFile(target, writeCpio(entries));
}
