/** CRIU's images as tests make them: of one task or several, in levels, with the pages that they are told. */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';

import protobuf from 'protobufjs/minimal.js';

import { encodeImage, magic } from '../../libraries/criu-images/image-file.js';
import { encodePagemap, type PagemapRun } from '../../libraries/criu-images/index.js';
import { PAGE_BYTES } from '../../libraries/units/index.js';

/** `content` is asked for each page that the level has itself. */
export function writeLevel(
  folder: string,
  /** A task's, or `shmem-INODE`. */
  id: number | string,
  pagesId: number,
  runs: readonly PagemapRun[],
  content: (page: number) => Buffer,
): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, `pagemap-${id}.img`), encodePagemap({ pagesId, runs }));
  const own = runs.filter(({ flags }) => (flags & 1) === 0);
  const pages = own.flatMap((run) =>
    Array.from({ length: run.pageCount }, (_, index) => content(run.page + index)),
  );
  writeFileSync(path.join(folder, `pages-${pagesId}.img`), Buffer.concat(pages));
}

/** The file that a relay lands a task's pages in: sparse, each page at its address. */
export function writeLanding(
  folder: string,
  id: number,
  pages: Iterable<number>,
  content: (page: number) => Buffer,
): void {
  mkdirSync(folder, { recursive: true });
  const fd = openSync(path.join(folder, `pages-${id}.img`), 'w');
  try {
    for (const page of pages) writeSync(fd, content(page), 0, PAGE_BYTES, page * PAGE_BYTES);
  } finally {
    closeSync(fd);
  }
}

export interface WrittenThread {
  readonly tid: number;
  /** Address and length of its restartable sequences area. */
  readonly rseq?: readonly [number, number];
}

/** The process tree, and a core image for each thread; the first one's number is its process's. */
export function writeProcesses(folder: string, processes: readonly (readonly WrittenThread[])[]): void {
  mkdirSync(folder, { recursive: true });
  const records = processes.map((threads) => {
    const writer = new protobuf.Writer().uint32(8).uint32(threads[0]?.tid ?? 0);
    for (const { tid } of threads) writer.uint32(40).uint32(tid);
    return writer.finish();
  });
  writeFileSync(path.join(folder, 'pstree.img'), encodeImage([magic.common, magic.pstree], records));
  for (const { tid, rseq } of processes.flat()) {
    const core = new protobuf.Writer().uint32(8).uint32(1).uint32(42).fork().uint32(8).uint64(5);
    if (rseq !== undefined)
      core
        .uint32(122)
        .fork()
        .uint32(8)
        .uint64(rseq[0])
        .uint32(16)
        .uint32(rseq[1])
        .uint32(24)
        .uint32(1)
        .ldelim();
    const image = encodeImage([magic.common, magic.core], [core.ldelim().finish()]);
    writeFileSync(path.join(folder, `core-${tid}.img`), image);
  }
}
