/**
 * Walking and removing what stands in a folder that someone else can write to.
 *
 * Each folder on the way is opened beneath the one above it, and its entries are reached through that descriptor
 * (/proc/self/fd/N/NAME), so a link that is swapped in meanwhile is neither followed nor removed through.
 */
import { readdirSync } from 'node:fs';
import { readdir, rmdir, unlink } from 'node:fs/promises';

import { Folder, pathParts } from './beneath.js';
import { errorCodeOf } from './library.js';

/** Names of the regular files below the folder, relative to it, sorted; everything that is neither file nor folder is left out. */
export function filesBelow(folder: Folder, prefix = ''): string[] {
  const entries = readdirSync(pathOf(folder), { withFileTypes: true });
  const names = entries.flatMap((entry) => {
    if (entry.isFile()) return [prefix + entry.name];
    if (!entry.isDirectory()) return [];
    const inner = folder.folder(entry.name, { create: false });
    try {
      return filesBelow(inner, `${prefix}${entry.name}/`);
    } finally {
      inner.close();
    }
  });
  return names.sort();
}

/** Removes the folder `name` with all that is in it. One that is not there is fine. */
export async function removeTree(parent: Folder, name: string): Promise<void> {
  pathParts(name);
  let folder: Folder;
  try {
    folder = parent.folder(name, { create: false });
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return;
    throw error;
  }
  try {
    for (const entry of await readdir(pathOf(folder), { withFileTypes: true })) {
      if (entry.isDirectory()) await removeTree(folder, entry.name);
      else await unlessGone(unlink(`${pathOf(folder)}/${entry.name}`));
    }
  } finally {
    folder.close();
  }
  await unlessGone(rmdir(`${pathOf(parent)}/${name}`));
}

function pathOf(folder: Folder): string {
  return `/proc/self/fd/${folder.fd}`;
}

/** The other side may remove the same thing. */
async function unlessGone(removal: Promise<void>): Promise<void> {
  try {
    await removal;
  } catch (error) {
    if (errorCodeOf(error) !== 'ENOENT') throw error;
  }
}
