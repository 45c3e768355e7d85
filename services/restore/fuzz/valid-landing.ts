/**
 * What lands of a container of two tasks, as it should: in Portkey mode, and in CRIU mode after three dumps. What is made
 * hostile begins with these.
 */
import { encodeImage, magic } from '../../../libraries/criu-images/image-file.js';
import { encodePagemap, pagemapFlag } from '../../../libraries/criu-images/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import { bytesField, field } from './hostile-images.js';
import type { Planted, PlantedFile } from './planted.js';

const { parent, present } = pagemapFlag;
const run = (page: number, pageCount: number, flags: number) => ({ page, pageCount, flags });
const runs = [run(16, 2, parent), run(18, 1, present), run(600, 3, parent)];

/** Those of the final dump that are decoded. */
export function imagesOfTwoTasks(): PlantedFile[] {
  return [
    file('final/pagemap-1.img', encodePagemap({ pagesId: 1, runs })),
    file('final/pagemap-7.img', encodePagemap({ pagesId: 2, runs: [run(5, 1, present)] })),
    file('final/pagemap-shmem-3.img', encodePagemap({ pagesId: 3, runs: [run(0, 4, present)] })),
    file('final/pstree.img', encodeImage([magic.common, magic.pstree], [task(1, [1, 3]), task(7, [7])])),
    file('final/core-1.img', core(16n * 4096n + 64n)),
    file('final/core-3.img', core(0n)),
    file('final/core-7.img', core(5n * 4096n)),
  ];
}

export function portkeyLanding(): Planted[] {
  return [
    ...imagesOfTwoTasks(),
    ...ownPages(),
    file('memory/pages-1.img', Buffer.from('landed'), 603 * PAGE_BYTES),
    file('memory/pages-7.img', Buffer.from('landed'), 6 * PAGE_BYTES),
  ];
}

/** So many pages in one run, and a file of pages that has none of them but is as long as they are. */
export function landingOfHoles(pageCount: number): Planted[] {
  const whole = encodePagemap({ pagesId: 1, runs: wholeRuns(pageCount) });
  return [
    file('final/pagemap-1.img', whole),
    file('memory/pages-1.img', Buffer.alloc(0), pageCount * PAGE_BYTES),
    ...imagesOfTwoTasks().filter((image) => !image.path.includes('pagemap')),
  ];
}

/** Its encoder has 32 bits for their number. */
function wholeRuns(pageCount: number): ReturnType<typeof run>[] {
  const most = 2 ** 31;
  return Array.from({ length: Math.ceil(pageCount / most) }, (_, index) =>
    run(index * most, Math.min(most, pageCount - index * most), parent),
  );
}

export function criuDumps(): Planted[] {
  const first = encodePagemap({ pagesId: 1, runs: [run(16, 2, present), run(600, 3, present)] });
  const second = encodePagemap({
    pagesId: 1,
    runs: [run(16, 1, present), run(17, 1, parent), run(600, 3, parent)],
  });
  return [
    ...imagesOfTwoTasks(),
    ...ownPages(),
    file('0/pagemap-1.img', first),
    file('0/pages-1.img', Buffer.from('first'), 5 * PAGE_BYTES),
    file('1/pagemap-1.img', second),
    file('1/pages-1.img', Buffer.from('second'), PAGE_BYTES),
    { kind: 'link', path: '1/parent', target: '../0' },
    { kind: 'link', path: 'final/parent', target: '../1' },
  ];
}

function ownPages(): Planted[] {
  return [
    file('final/pages-1.img', Buffer.from('own'), PAGE_BYTES),
    file('final/pages-2.img', Buffer.from('own'), PAGE_BYTES),
  ];
}

function file(path: string, content: Buffer, byteLength = content.length): PlantedFile {
  return { kind: 'file', path, content, byteLength };
}

/** pstree_entry {1: pid, 5: threads}. */
function task(pid: number, threads: readonly number[]): Buffer {
  return Buffer.concat([field(1, BigInt(pid)), ...threads.map((thread) => field(5, BigInt(thread)))]);
}

/** core_entry {1: mtype, 5: thread_core {15: rseq_entry {1: address, 2: length}}}. */
function core(rseqAddress: bigint): Buffer {
  const area = Buffer.concat([field(1, rseqAddress), field(2, 32n)]);
  const record = Buffer.concat([field(1, 1n), bytesField(5, bytesField(15, area))]);
  return encodeImage([magic.common, magic.core], [record]);
}
