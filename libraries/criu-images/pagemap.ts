/**
 * `pagemap-<id>.img`: which pages of a task an image holds (CRIU: images/pagemap.proto, criu/pagemap.c).
 *
 * First record {1: pages_id}; then one record per run, sorted by address: {1: vaddr, 2: nr_pages, 4: flags}. CRIU 4.2 counts
 * pages in field 5, a u64, and leaves 0 in the old one.
 * `pages-<id>.img` holds the PRESENT runs one after another; there are no offsets in it. So a pagemap that lists
 * the whole address space as PRESENT makes the offset of a page in the pages file equal to its virtual address:
 * that is how a landing file (sparse, offset = address) becomes an image that CRIU reads.
 */
import protobuf from 'protobufjs/minimal.js';

import { PortkeyError } from '../errors/index.js';
import { PAGE_BYTES } from '../units/index.js';
import { decodeImage, encodeImage, magic } from './image-file.js';
import { numbersIn } from './record-fields.js';

const { Writer } = protobuf;

/** PE_* of CRIU's criu/include/pagemap.h. */
export const pagemapFlag = { parent: 1, lazy: 2, present: 4 } as const;

export interface PagemapRun {
  /** Virtual address / 4096. */
  readonly page: number;
  readonly pageCount: number;
  readonly flags: number;
}

export interface Pagemap {
  readonly pagesId: number;
  readonly runs: readonly PagemapRun[];
}

const magics = [magic.common, magic.pagemap];

export function encodePagemap({ pagesId, runs }: Pagemap): Buffer {
  const head = new Writer().uint32(8).uint32(pagesId).finish();
  const records = runs.map(({ page, pageCount, flags }) => {
    const writer = new Writer().uint32(8).uint64(page * PAGE_BYTES);
    return writer.uint32(16).uint32(pageCount).uint32(32).uint32(flags).finish();
  });
  return encodeImage(magics, [head, ...records]);
}

/** All of it at once. Throws as `eachRun` does. */
export function decodePagemap(name: string, content: Buffer): Pagemap {
  const runs: PagemapRun[] = [];
  const pagesId = eachRun(name, content, { run: (run) => runs.push(run) });
  return { pagesId, runs };
}

export interface RunReader {
  readonly run: (run: PagemapRun) => void;
  /** Told of each record before it is looked at, also of those that hold no page; may throw. */
  readonly record?: () => void;
}

/**
 * Runs are pages of user space, by address, each once: whoever reads them counts on that, as CRIU does. Those without a page
 * are left out. They are handed on one by one, because a file may have millions. Returns `pages_id`. Throws `internal` where
 * they are not, and where it is no such image.
 */
export function eachRun(name: string, content: Buffer, reader: RunReader): number {
  let pagesId: number | undefined;
  let end = 0;
  for (const record of decodeImage(name, content, magics)) {
    if (pagesId !== undefined) reader.record?.();
    const values = numbersIn(name, record);
    if (pagesId === undefined) {
      pagesId = requireU32(name, values.get(1) ?? 0);
      continue;
    }
    const run = runOf(name, values);
    if (run.pageCount === 0) continue;
    if (run.page < end) throw wrong(name, run, 'is out of order');
    end = run.page + run.pageCount;
    if (end > userPageCount) throw wrong(name, run, 'reaches beyond user space');
    reader.run(run);
  }
  if (pagesId === undefined) throw new PortkeyError('internal', `${name} holds no record`);
  return pagesId;
}

function runOf(name: string, values: ReadonlyMap<number, number>): PagemapRun {
  const oldFlags = values.get(3) === 1 ? pagemapFlag.parent : pagemapFlag.present;
  const run = {
    page: (values.get(1) ?? 0) / PAGE_BYTES,
    pageCount: values.get(5) ?? values.get(2) ?? 0,
    flags: requireU32(name, values.get(4) ?? oldFlags),
  };
  if (!Number.isInteger(run.page)) throw wrong(name, run, 'is not aligned');
  return run;
}

function requireU32(name: string, value: number): number {
  if (value < 2 ** 32) return value;
  throw new PortkeyError('internal', `${name} has ${value} where CRIU has 32 bits`);
}

function wrong(name: string, { page, pageCount }: PagemapRun, what: string): PortkeyError {
  const address = (page * PAGE_BYTES).toString(16);
  return new PortkeyError('internal', `in ${name} a run of ${pageCount} pages at 0x${address} ${what}`);
}

/** Highest user page with four-level page tables: 2^47 / 4096. */
export const userPageCount = 2 ** 35;

/** CRIU counts the pages of a run in an int, so a run must stay well below 2^31 pages: 1 TiB. */
const wholeSpaceRunPages = 2 ** 28;

/** A pagemap for which the offset of a page in the pages file is its virtual address. */
export function wholeAddressSpace(pagesId: number): Pagemap {
  const runs = Array.from({ length: userPageCount / wholeSpaceRunPages }, (_, index) => ({
    page: index * wholeSpaceRunPages,
    pageCount: wholeSpaceRunPages,
    flags: pagemapFlag.present,
  }));
  return { pagesId, runs };
}
