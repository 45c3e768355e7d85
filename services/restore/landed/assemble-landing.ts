/**
 * Portkey mode: makes what landed in a folder into images that CRIU reads (libraries/criu-images/pagemap.ts).
 *
 *     final/parent ──▶ ../memory      memory/pages-1.img, as it landed      memory/pagemap-1.img, of the whole address space
 *
 * Root does it, in a share where others can put what they like, and what landed has the names that its source gave it. So
 * everything is opened beneath the landing, what stands in a pagemap's place is replaced and not written into, and the link
 * must be ours: CRIU follows it.
 */
import { closeSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, readlink, rm, symlink } from 'node:fs/promises';
import path from 'node:path';

import { encodePagemap, wholeAddressSpace } from '../../../libraries/criu-images/index.js';
import { asPortkeyError, PortkeyError } from '../../../libraries/errors/index.js';
import { errorCodeOf, Folder } from '../../../libraries/libc/index.js';

const parentTarget = '../memory';

/** Returns the folder of the final images. May be repeated. Throws `restore-failed`. */
export async function assembleLanding(folder: string): Promise<string> {
  // The folder itself is the relay's, which has removed it where this call comes late: nobody would do that again.
  const landing = orFailed(`nothing has landed in ${folder}, or it has been removed`, () =>
    Folder.open(folder),
  );
  try {
    await describeMemory(landing).catch((cause: unknown) => {
      throw failed(`what landed in ${folder} cannot be made into images`, cause);
    });
    const images = path.join(folder, 'final');
    await linkParent(landing).catch((cause: unknown) => {
      throw failed(`the final images did not land in ${images}`, cause);
    });
    return images;
  } finally {
    landing.close();
  }
}

/** A pagemap for each file of pages. Those of other names are none of CRIU's. */
async function describeMemory(landing: Folder): Promise<void> {
  // With the mode that folders have, as the relay, which may be another user, removes it.
  await mkdir(path.join(placeOf(landing), 'memory')).catch((cause: unknown) => {
    if (errorCodeOf(cause) !== 'EEXIST') throw cause;
  });
  const memory = landing.folder('memory', { create: false });
  try {
    for (const file of await readdir(placeOf(memory))) {
      const id = /^pages-([1-9]\d{0,6})\.img$/.exec(file)?.[1];
      if (id === undefined) continue;
      const name = `pagemap-${id}.img`;
      await rm(path.join(placeOf(memory), name), { force: true });
      const fd = memory.openForWriting(name);
      try {
        writeFileSync(fd, encodePagemap(wholeAddressSpace(Number(id))));
      } finally {
        closeSync(fd);
      }
    }
  } finally {
    memory.close();
  }
}

async function linkParent(landing: Folder): Promise<void> {
  const final = landing.folder('final', { create: false });
  try {
    const link = path.join(placeOf(final), 'parent');
    await symlink(parentTarget, link).catch(async (cause: unknown) => {
      if (errorCodeOf(cause) !== 'EEXIST') throw cause;
      const target = await readlink(link).catch(() => undefined);
      if (target === parentTarget) return;
      throw new PortkeyError(
        'restore-failed',
        `${final.path}/parent is there already, and leads ${target === undefined ? 'nowhere' : `to '${target}'`}`,
      );
    });
  } finally {
    final.close();
  }
}

function placeOf(folder: Folder): string {
  return `/proc/self/fd/${folder.fd}`;
}

function orFailed<T>(what: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    throw failed(what, cause);
  }
}

function failed(what: string, cause: unknown): PortkeyError {
  return new PortkeyError('restore-failed', `${what}: ${asPortkeyError(cause).message}`, { cause });
}
