/**
 * Walking and removing what stands in a folder that someone else can write to.
 *
 * Each folder on the way is opened beneath the one above it, and its entries are reached through that descriptor
 * (/proc/self/fd/N/NAME), so a link that is swapped in meanwhile is neither followed nor removed through. Each holds a
 * descriptor until what is in it is done: a tree deeper than names of ours go is `share-tampered`, or whoever builds one would
 * take all descriptors of the process, and its stack.
 *
 * Whoever can write there can make millions of entries that take no room by the file system's own count. So a folder is read
 * `entriesAtOnce` at a time and never held whole; what is listed or counted ends at a bound that the caller sets. Limits:
 * removing has none but memory's, and takes as long as there are entries. An event loop goes on between any two of them, and
 * whoever has something removed says how long it is to rest after each few.
 */
import { lstatSync, opendirSync, type Dirent } from 'node:fs';
import { opendir, rmdir, unlink } from 'node:fs/promises';

import { PortkeyError } from '../errors/index.js';
import { PAGE_BYTES } from '../units/index.js';
import { Folder, maxPathParts, pathParts, tampered } from './beneath.js';
import { errorCodeOf } from './library.js';

/** Of which stat(2) counts. */
const blockBytes = 512;
const entriesAtOnce = 32;

/**
 * Names of the regular files below the folder, relative to it, sorted; everything that is neither file nor folder is left out.
 * Throws `share-tampered` where there are more than `most` entries of any kind.
 */
export function filesBelow(folder: Folder, most: number): string[] {
  const names: string[] = [];
  let count = 0;
  for (const { name, entry } of entriesBelow(folder, '', 1)) {
    count += 1;
    if (count > most) {
      throw new PortkeyError(
        'share-tampered',
        `${folder.path} has more than ${most} files, folders and links in it; whoever can write there, as a VM to its share, has put them there: remove them`,
      );
    }
    if (entry.isFile()) names.push(name);
  }
  return names.sort();
}

/**
 * What everything below the folder takes, a page each at least. What is removed meanwhile takes nothing. Counts no further
 * once it is more than `mostBytes`.
 */
export function bytesBelow(folder: Folder, mostBytes: number): number {
  let sum = 0;
  for (const { parent, entry } of entriesBelow(folder, '', 1)) {
    const blocks = lstatSync(`${pathOf(parent)}/${entry.name}`, { throwIfNoEntry: false })?.blocks ?? 0;
    sum += Math.max(PAGE_BYTES, blocks * blockBytes);
    if (sum > mostBytes) break;
  }
  return sum;
}

interface EntryBelow {
  readonly parent: Folder;
  readonly entry: Dirent;
  /** Relative to where the walk began. */
  readonly name: string;
}

/** Everything below, each folder before what is in it. One that is gone before it is opened has nothing in it. */
function* entriesBelow(parent: Folder, prefix: string, depth: number): Generator<EntryBelow, void, void> {
  requireShallow(parent, depth);
  const listing = opendirSync(pathOf(parent), { bufferSize: entriesAtOnce });
  try {
    for (let entry = listing.readSync(); entry !== null; entry = listing.readSync()) {
      const name = prefix + entry.name;
      yield { parent, entry, name };
      const inner = entry.isDirectory() ? folderIfThere(parent, entry.name) : undefined;
      if (inner === undefined) continue;
      try {
        yield* entriesBelow(inner, `${name}/`, depth + 1);
      } finally {
        inner.close();
      }
    }
  } finally {
    listing.closeSync();
  }
}

/** Resolves when more may be removed. `entries`: since it was called last. */
export type Rest = (entries: number) => Promise<void>;

/** Removes the folder `name` with all that is in it. One that is not there is fine. */
export async function removeTree(parent: Folder, name: string, rest: Rest): Promise<void> {
  pathParts(name);
  let count = 0;
  await remove(parent, name, 1, async () => {
    count += 1;
    if (count % entriesAtOnce === 0) await rest(entriesAtOnce);
  });
}

async function remove(
  parent: Folder,
  name: string,
  depth: number,
  onRemoved: () => Promise<void>,
): Promise<void> {
  const folder = folderIfThere(parent, name);
  if (folder === undefined) return;
  try {
    requireShallow(folder, depth);
    for await (const entry of await opendir(pathOf(folder), { bufferSize: entriesAtOnce })) {
      if (entry.isDirectory()) await remove(folder, entry.name, depth + 1, onRemoved);
      else await unlessGone(unlink(`${pathOf(folder)}/${entry.name}`));
      await onRemoved();
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
