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

import { PAGE_BYTES } from '../units/index.js';
import { decodeImage, encodeImage, magic } from './image-file.js';

const { Reader, Writer } = protobuf;

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

export function decodePagemap(name: string, content: Buffer): Pagemap {
  const [head, ...records] = decodeImage(name, content, magics);
  const pagesId = head === undefined ? 0 : (fields(head).get(1) ?? 0);
  const runs = records.map((record) => {
    const values = fields(record);
    const oldFlags = values.get(3) === 1 ? pagemapFlag.parent : pagemapFlag.present;
    return {
      page: (values.get(1) ?? 0) / PAGE_BYTES,
      pageCount: values.get(5) ?? values.get(2) ?? 0,
      flags: values.get(4) ?? oldFlags,
    };
  });
  return { pagesId, runs };
}

/** Highest user page with four-level page tables: 2^47 / 4096. */
const userPageCount = 2 ** 35;

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

/** The varint fields of a flat protobuf message, by number. Other wire types are skipped. */
export function fields(message: Uint8Array): Map<number, number> {
  const reader = new Reader(message);
  const values = new Map<number, number>();
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    // uint64 is a number or, where the package `long` is installed, a Long; Number takes both.
    if ((tag & 7) === 0) values.set(tag >>> 3, Number(reader.uint64()));
    else reader.skipType(tag & 7);
  }
  return values;
}
