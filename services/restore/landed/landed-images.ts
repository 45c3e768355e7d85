/**
 * The images that a container is restored from: made whole, and looked through.
 */
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';

import {
  decodePagemap,
  decodeProcessTree,
  decodeRseqArea,
  encodePagemap,
  wholeAddressSpace,
  type RseqArea,
} from '../../../libraries/criu-images/index.js';
import { asPortkeyError, PortkeyError } from '../../../libraries/errors/index.js';
import { errorCodeOf } from '../../../libraries/libc/index.js';
import { numbersOfRuns, numbersOfSpans } from '../../../libraries/page-digest/index.js';
import type { PageList } from '../../../libraries/rpc/index.js';

/**
 * Portkey mode: makes what landed in this folder into images that CRIU reads (libraries/criu-images/pagemap.ts), and returns
 * the folder of the final ones. May be repeated. Throws `restore-failed`.
 */
export async function assembleLanding(folder: string): Promise<string> {
  const memory = path.join(folder, 'memory');
  // The folder itself is the relay's, which has removed it where this call comes late: nobody would do that again.
  await mkdir(memory).catch((cause: unknown) => {
    if (errorCodeOf(cause) === 'EEXIST') return;
    throw new PortkeyError(
      'restore-failed',
      `nothing has landed in ${folder}, or it has been removed: ${asPortkeyError(cause).message}`,
      { cause },
    );
  });
  for (const file of await readdir(memory)) {
    const id = /^pages-(\d+)\.img$/.exec(file)?.[1];
    if (id !== undefined)
      await writeFile(path.join(memory, `pagemap-${id}.img`), encodePagemap(wholeAddressSpace(Number(id))));
  }
  const images = path.join(folder, 'final');
  await symlink('../memory', path.join(images, 'parent')).catch((cause: unknown) => {
    if (errorCodeOf(cause) === 'EEXIST') return;
    throw new PortkeyError(
      'restore-failed',
      `the final images did not land in ${images}: ${asPortkeyError(cause).message}`,
      { cause },
    );
  });
  return images;
}

/** Which pages these images have. Throws `digest-mismatch` where an image is missing or is not one. */
export async function listPages(images: string): Promise<PageList> {
  try {
    const names = await readdir(images);
    const ids = names
      .map((name) => Number(/^pagemap-(\d+)\.img$/.exec(name)?.[1] ?? NaN))
      .filter(Number.isFinite);
    const areas = await rseqAreas(images);
    const tasks: PageList['tasks'] = [];
    for (const id of ids.sort((a, b) => a - b)) {
      const runs = await runsIn(images, `pagemap-${id}.img`);
      tasks.push({
        namespacePid: id,
        runs: numbersOfRuns(runs),
        leftOut: numbersOfSpans(areas.get(id) ?? []),
      });
    }
    let sharedPages = 0;
    for (const name of names.filter((file) => /^pagemap-shmem-\d+\.img$/.test(file)))
      for (const { pageCount } of await runsIn(images, name)) sharedPages += pageCount;
    return { tasks, sharedPages };
  } catch (cause) {
    const { message } = asPortkeyError(cause);
    throw new PortkeyError('digest-mismatch', `the images in ${images} did not land whole: ${message}`, {
      cause,
    });
  }
}

async function runsIn(images: string, name: string): Promise<{ page: number; pageCount: number }[]> {
  const { runs } = decodePagemap(name, await readFile(path.join(images, name)));
  return runs.filter(({ pageCount }) => pageCount > 0);
}

/** Those of all threads, by the pid of their process. */
async function rseqAreas(images: string): Promise<Map<number, RseqArea[]>> {
  const areas = new Map<number, RseqArea[]>();
  for (const { pid, threads } of decodeProcessTree(
    'pstree.img',
    await readFile(path.join(images, 'pstree.img')),
  )) {
    const own: RseqArea[] = [];
    for (const thread of threads) {
      const name = `core-${thread}.img`;
      const area = decodeRseqArea(name, await readFile(path.join(images, name)));
      if (area !== undefined) own.push(area);
    }
    areas.set(pid, own);
  }
  return areas;
}
