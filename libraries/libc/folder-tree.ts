/**
 * Walking and removing what stands in a folder that someone else can write to.
 *
 * Each folder on the way is opened beneath the one above it, and its entries are reached through that descriptor
 * (/proc/self/fd/N/NAME), so a link that is swapped in meanwhile is neither followed nor removed through.
 */
import { lstatSync, readdirSync } from 'node:fs';
import { readdir, rmdir, unlink } from 'node:fs/promises';

import { PAGE_BYTES } from '../units/index.js';
import { Folder, pathParts } from './beneath.js';
import { errorCodeOf } from './library.js';

/** Of which stat(2) counts. */
const blockBytes = 512;

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

/** What everything below the folder takes, a page each at least. What is removed meanwhile takes nothing. */
export function bytesBelow(folder: Folder): number {
  const entries = readdirSync(pathOf(folder), { withFileTypes: true });
  return entries.reduce((sum, entry) => {
    const blocks = lstatSync(`${pathOf(folder)}/${entry.name}`, { throwIfNoEntry: false })?.blocks ?? 0;
    return (
      sum +
      Math.max(PAGE_BYTES, blocks * blockBytes) +
      (entry.isDirectory() ? bytesIn(folder, entry.name) : 0)
    );
  }, 0);
}

function bytesIn(parent: Folder, name: string): number {
  const folder = folderIfThere(parent, name);
  if (folder === undefined) return 0;
  try {
    return bytesBelow(folder);
  } finally {
    folder.close();
  }
}

/** Removes the folder `name` with all that is in it. One that is not there is fine. */
export async function removeTree(parent: Folder, name: string): Promise<void> {
  pathParts(name);
  const folder = folderIfThere(parent, name);
  if (folder === undefined) return;
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

function folderIfThere(parent: Folder, name: string): Folder | undefined {
  try {
    return parent.folder(name, { create: false });
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
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
