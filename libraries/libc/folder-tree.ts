/**
 * Walking and removing what stands in a folder that someone else can write to.
 *
 * Each folder on the way is opened beneath the one above it, and its entries are reached through that descriptor
 * (/proc/self/fd/N/NAME), so a link that is swapped in meanwhile is neither followed nor removed through. Each holds a
 * descriptor until what is in it is done: a tree deeper than names of ours go is `share-tampered`, or whoever builds one would
 * take all descriptors of the process, and its stack.
 */
import { lstatSync, readdirSync } from 'node:fs';
import { readdir, rmdir, unlink } from 'node:fs/promises';

import { PAGE_BYTES } from '../units/index.js';
import { Folder, maxPathParts, pathParts, tampered } from './beneath.js';
import { errorCodeOf } from './library.js';

/** Of which stat(2) counts. */
const blockBytes = 512;

/** Names of the regular files below the folder, relative to it, sorted; everything that is neither file nor folder is left out. */
export function filesBelow(folder: Folder): string[] {
  return filesIn(folder, '', 1).sort();
}

function filesIn(folder: Folder, prefix: string, depth: number): string[] {
  requireShallow(folder, depth);
  const entries = readdirSync(pathOf(folder), { withFileTypes: true });
  return entries.flatMap((entry) => {
    if (entry.isFile()) return [prefix + entry.name];
    if (!entry.isDirectory()) return [];
    const inner = folder.folder(entry.name, { create: false });
    try {
      return filesIn(inner, `${prefix}${entry.name}/`, depth + 1);
    } finally {
      inner.close();
    }
  });
}

/** What everything below the folder takes, a page each at least. What is removed meanwhile takes nothing. */
export function bytesBelow(folder: Folder): number {
  return bytesIn(folder, 1);
}

function bytesIn(folder: Folder, depth: number): number {
  requireShallow(folder, depth);
  const entries = readdirSync(pathOf(folder), { withFileTypes: true });
  return entries.reduce((sum, entry) => {
    const blocks = lstatSync(`${pathOf(folder)}/${entry.name}`, { throwIfNoEntry: false })?.blocks ?? 0;
    const inner = entry.isDirectory() ? folderIfThere(folder, entry.name) : undefined;
    try {
      const innerBytes = inner === undefined ? 0 : bytesIn(inner, depth + 1);
      return sum + Math.max(PAGE_BYTES, blocks * blockBytes) + innerBytes;
    } finally {
      inner?.close();
    }
  }, 0);
}

/** Removes the folder `name` with all that is in it. One that is not there is fine. */
export async function removeTree(parent: Folder, name: string): Promise<void> {
  pathParts(name);
  await remove(parent, name, 1);
}

async function remove(parent: Folder, name: string, depth: number): Promise<void> {
  const folder = folderIfThere(parent, name);
  if (folder === undefined) return;
  try {
    requireShallow(folder, depth);
    for (const entry of await readdir(pathOf(folder), { withFileTypes: true })) {
      if (entry.isDirectory()) await remove(folder, entry.name, depth + 1);
      else await unlessGone(unlink(`${pathOf(folder)}/${entry.name}`));
    }
  } finally {
    folder.close();
  }
  await unlessGone(rmdir(`${pathOf(parent)}/${name}`));
}

function requireShallow(folder: Folder, depth: number): void {
  // The folder that it began with is none of the parts of a name.
  if (depth > maxPathParts + 1) throw tampered(folder.path);
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
