/**
 * The images that a container is restored from, looked through: which pages they have.
 *
 * They came from another VM. What they list is bounded, so that the list and the digests of it can be sent (libraries/rpc),
 * whatever they say: a line of a few bytes can list any number of pages, and a hole in a file has them all.
 */
import {
  decodeProcessTree,
  decodeRseqArea,
  eachRun,
  type RseqArea,
} from '../../../libraries/criu-images/index.js';
import { PortkeyError } from '../../../libraries/errors/index.js';
import { numbersOfSpans, regionCount, runsOfNumbers } from '../../../libraries/page-digest/index.js';
import type { PageList } from '../../../libraries/rpc/index.js';
import { ImageFolder } from './image-folder.js';
import { orNotWhole } from './not-whole.js';
import { pagemapName } from './pagemap-name.js';
import { RunBudget } from './run-budget.js';

/** Of all tasks together. A digest takes 80 bytes of a message. If each region had all its pages that were a TiB. */
const mostRegions = 2 ** 19;

const taskPagemap = /^pagemap-([1-9]\d{0,6})\.img$/;
const sharedPagemap = /^pagemap-shmem-([1-9]\d{0,14})\.img$/;

/**
 * A thread's: registers of a few KiB, up to 65,536 groups in 6 bytes each, and what waits for it to be told, in 150 bytes a
 * signal: thousands of them fit.
 */
const mostCoreBytes = 2 ** 20;

/** In order. An inode number that is no exact number here is nobody's on a tmpfs. */
function numbersIn(names: readonly string[], pattern: RegExp): number[] {
  const numbers = names.flatMap((name) => pattern.exec(name)?.[1] ?? []).map(Number);
  return numbers.sort((a, b) => a - b);
}

/** Which pages these images have. Throws `digest-mismatch` where an image is missing or is not one, and the signal's reason. */
export function listPages(images: string, signal: AbortSignal): Promise<PageList> {
  const list = async (): Promise<PageList> => {
    const folder = ImageFolder.open(images, signal);
    try {
      return await listOf(folder);
    } finally {
      folder.close();
    }
  };
  return orNotWhole(images, list, signal);
}

async function listOf(folder: ImageFolder): Promise<PageList> {
  const names = await folder.names();
  const areas = await rseqAreas(folder);
  const { take } = RunBudget.ofList(folder.path);
  let regions = 0;
  const runsOf = async (name: string): Promise<number[]> => {
    const runs: number[] = [];
    eachRun(name, await folder.read(name), {
      run: ({ page, pageCount }) => runs.push(page, pageCount),
      record: take,
    });
    regions += regionCount(runsOfNumbers(runs));
    if (regions > mostRegions) throw tooMany(folder, regions);
    return runs;
  };
  const tasks: PageList['tasks'] = [];
  for (const id of numbersIn(names, taskPagemap)) {
    const leftOut = numbersOfSpans(areas.get(id) ?? []);
    tasks.push({
      namespacePid: id,
      sharedMemory: 0,
      runs: await runsOf(pagemapName({ namespacePid: id })),
      leftOut,
    });
  }
  for (const sharedMemory of numbersIn(names, sharedPagemap))
    tasks.push({
      namespacePid: 0,
      sharedMemory,
      runs: await runsOf(pagemapName({ sharedMemory })),
      leftOut: [],
    });
  return { tasks };
}

function tooMany(folder: ImageFolder, regions: number): PortkeyError {
  return new PortkeyError(
    'digest-mismatch',
    `the images in ${folder.path} list pages in ${regions} regions of 2 MiB or more, but ${mostRegions} can be compared at most; migrate without --verify`,
  );
}

/** Those of all threads, by the pid of their process. */
async function rseqAreas(folder: ImageFolder): Promise<Map<number, RseqArea[]>> {
  const areas = new Map<number, RseqArea[]>();
  for (const { pid, threads } of decodeProcessTree('pstree.img', await folder.read('pstree.img'))) {
    const own: RseqArea[] = [];
    for (const thread of threads) {
      const name = `core-${thread}.img`;
      const area = decodeRseqArea(name, await folder.read(name, mostCoreBytes));
      if (area !== undefined) own.push(area);
    }
    areas.set(pid, own);
  }
  return areas;
}
