import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';

import fc from 'fast-check';

import { RunList } from '../../../libraries/hypercall/index.js';
import type { FolderPlace } from '../../../libraries/libc/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import { LandingFiles } from './landing-files.js';
import { landingQuota } from './landing-quota.js';
import { shareOut, stripePages } from './stripes.js';

/** Around the borders of the first stripes, so that streams meet often. */
const anyRun = fc.record({
  page: fc
    .tuple(fc.nat(6), fc.integer({ min: -20, max: 20 }))
    .map(([stripe, offset]) => Math.max(0, stripe * stripePages + offset)),
  count: fc.integer({ min: 1, max: 60 }),
});
const anySend = fc.array(anyRun, { minLength: 1, maxLength: 5 });

function runsOf(send: readonly { page: number; count: number }[]): RunList {
  const runs = new RunList();
  for (const { page, count } of send) runs.push(0x1000 + page, count, page);
  return runs;
}

function pagesOf(runs: RunList | undefined): { pfn: number; page: number }[] {
  const pages = [];
  for (let run = 0; run < (runs?.length ?? 0); run += 1) {
    for (let at = 0; at < (runs?.count(run) ?? 0); at += 1) {
      pages.push({ pfn: (runs?.pfn(run) ?? 0) + at, page: (runs?.page(run) ?? 0) + at });
    }
  }
  return pages;
}

describe('a SEND that is shared out among streams', () => {
  it('is all there, in its order, and a page is always the same stream’s', () => {
    fc.assert(
      fc.property(anySend, fc.integer({ min: 1, max: 8 }), (send, streamCount) => {
        const runs = runsOf(send);
        const shares = shareOut(runs, streamCount);
        assert.equal(shares.length, streamCount);
        shares.forEach((share, stream) => {
          assert.notEqual(share?.length, 0);
          const due = pagesOf(runs).filter(
            ({ page }) => Math.floor(page / stripePages) % streamCount === stream,
          );
          assert.deepEqual(pagesOf(share), due);
        });
      }),
    );
  });

  it('is itself where there is one stream', () => {
    const runs = runsOf([{ page: 0, count: 5000 }]);
    assert.deepEqual(shareOut(runs, 1), [runs]);
  });
});

/** What streams carry, as the destination does it. */
type Message = (files: LandingFiles) => void;

/** Streams of which each holds a few messages, into a folder, an instance of the landing's files each. */
class Streams {
  private readonly queues: Message[][];
  private readonly files: LandingFiles[];
  private turn = 0;

  constructor(
    folder: FolderPlace,
    private readonly options: { streamCount: number; capacity: number; turns: readonly number[] },
  ) {
    this.queues = Array.from({ length: options.streamCount }, () => []);
    this.files = this.queues.map(() => new LandingFiles(folder, landingQuota(2 ** 40)));
  }

  /** Waits while the stream is full; who lands something meanwhile is chance. */
  put(stream: number, message: Message): void {
    const queue = this.queues[stream] ?? [];
    while (queue.length === this.options.capacity) this.landOne();
    queue.push(message);
  }

  putAll(message: Message): void {
    this.queues.forEach((_, stream) => this.put(stream, message));
  }

  end(): void {
    while (this.queues.some((queue) => queue.length > 0)) this.landOne();
    for (const files of this.files) files.close();
  }

  private landOne(): void {
    const { turns } = this.options;
    const busy = this.queues.map((_, stream) => stream).filter((stream) => this.queues[stream]?.length);
    const stream = busy[(turns[this.turn++ % turns.length] ?? 0) % busy.length] ?? 0;
    const files = this.files[stream];
    if (files !== undefined) this.queues[stream]?.shift()?.(files);
  }
}

describe('several streams into one landing', () => {
  let folder = '';
  beforeEach(() => (folder = mkdtempSync('/dev/shm/portkey-stripes-')));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** A page of the SEND with this number; every fifth is zero, at other places in each SEND. */
  const contentOf = (send: number, page: number): number => ((page + send) % 5 === 0 ? 0 : send + 1);

  /** As a sender and a receiver do between them: zero pages as holes, the others written. */
  function land(object: number, runs: RunList, send: number): Message {
    return (files) => {
      for (const { page } of pagesOf(runs)) {
        const place = page * PAGE_BYTES;
        if (contentOf(send, page) === 0) files.landZeroes(object, place, PAGE_BYTES);
        else {
          const bytes = Buffer.alloc(PAGE_BYTES, contentOf(send, page));
          files.landPages(object, place, PAGE_BYTES, (fd) => writeSync(fd, bytes, 0, PAGE_BYTES, place));
        }
      }
    };
  }

  it('leave each page as it was sent last, whichever stream lands when', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ send: anySend, isReopened: fc.boolean() }), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 3 }),
        fc.array(fc.nat(3), { minLength: 1, maxLength: 50 }),
        (sends, streamCount, capacity, turns) => {
          const name = `memory/pages-${streamCount}.img`;
          rmSync(path.join(folder, name), { force: true });
          const streams = new Streams(
            { root: path.dirname(folder), name: path.basename(folder) },
            { streamCount, capacity, turns },
          );
          const last = new Map<number, number>();
          let object = 0;
          streams.putAll((files) => files.openObject(0, name));
          sends.forEach(({ send, isReopened }, number) => {
            if (isReopened) {
              const closed = object;
              const opened = (object += 1);
              streams.putAll((files) => files.closeObject(closed));
              streams.putAll((files) => files.openObject(opened, name));
            }
            const runs = runsOf(send);
            for (const { page } of pagesOf(runs)) last.set(page, contentOf(number, page));
            shareOut(runs, streamCount).forEach((share, stream) => {
              if (share !== undefined) streams.put(stream, land(object, share, number));
            });
          });
          streams.end();
          const fd = openSync(path.join(folder, name), 'r');
          try {
            for (const [page, content] of last) {
              const landed = Buffer.alloc(PAGE_BYTES);
              assert.equal(
                readSync(fd, landed, 0, PAGE_BYTES, page * PAGE_BYTES),
                PAGE_BYTES,
                `page ${page}`,
              );
              assert.ok(landed.equals(Buffer.alloc(PAGE_BYTES, content)), `page ${page} is not ${content}`);
            }
          } finally {
            closeSync(fd);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
