import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import fc from 'fast-check';

import { RunList } from '../../../libraries/hypercall/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import { GuestRam } from './guest-ram.js';
import { RamMap } from './ram-map.js';
import { ZeroPages } from './zero-pages.js';

/** Two sections, the upper one first in the file. */
const lowPages = 100;
const highPages = 200;
const highPfn = 1000;
const map = new RamMap([
  { guestAddress: 0, byteLength: lowPages * PAGE_BYTES, fileOffset: highPages * PAGE_BYTES },
  { guestAddress: highPfn * PAGE_BYTES, byteLength: highPages * PAGE_BYTES, fileOffset: 0 },
]);

/** What a page holds: where its only byte that is not zero stands, if it has one. */
const content = fc.oneof(
  { weight: 3, arbitrary: fc.constant(undefined) },
  fc.constantFrom(0, 7, 15, 16, 2048, PAGE_BYTES - 1),
);
const run = fc.oneof(
  fc.record({ pfn: fc.integer({ min: 0, max: 20 }), count: fc.integer({ min: 1, max: 80 }) }),
  fc.record({
    pfn: fc.integer({ min: highPfn, max: highPfn + 20 }),
    count: fc.integer({ min: 1, max: 180 }),
  }),
);

describe('zero pages', () => {
  let folder = '';
  beforeEach(() => (folder = mkdtempSync('/dev/shm/portkey-zero-')));
  afterEach(() => rmSync(folder, { recursive: true }));

  function withRam(bytes: Buffer, act: (finder: ZeroPages, file: string) => void): void {
    const file = join(folder, 'ram');
    writeFileSync(file, bytes);
    const ram = GuestRam.open('vm-a', file, map);
    const finder = new ZeroPages(ram.mapped);
    try {
      act(finder, file);
    } finally {
      finder.close();
      ram.release();
    }
  }

  it('are all found and no others, whatever the runs, and every page is in one place', () => {
    fc.assert(
      fc.property(
        fc.array(content, { minLength: 300, maxLength: 300 }),
        fc.array(run, { minLength: 1, maxLength: 12 }),
        (contents, wanted) => {
          const bytes = Buffer.alloc(contents.length * PAGE_BYTES);
          contents.forEach((at, page) => {
            if (at !== undefined) bytes[page * PAGE_BYTES + at] = 1;
          });
          const isZero = (pfn: number): boolean =>
            contents[pfn < highPfn ? pfn + highPages : pfn - highPfn] === undefined;
          const runs = new RunList();
          const expected: { zero: number[]; content: [number, number][] } = { zero: [], content: [] };
          let page = 5;
          for (const { pfn, count } of wanted) {
            runs.push(pfn, count, page);
            for (let at = 0; at < count; at += 1) {
              if (isZero(pfn + at)) expected.zero.push(page + at);
              else expected.content.push([pfn + at, page + at]);
            }
            page += count + (count % 2);
          }
          withRam(bytes, (finder) => {
            const found = finder.split(runs);
            const zero = found.zeroes.flatMap(({ page: first, count }) =>
              Array.from({ length: count }, (_, at) => first + at),
            );
            const rest: [number, number][] = [];
            for (let index = 0; index < found.content.length; index += 1) {
              for (let at = 0; at < found.content.count(index); at += 1) {
                rest.push([found.content.pfn(index) + at, found.content.page(index) + at]);
              }
            }
            assert.deepEqual({ zero, content: rest }, expected);
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  it('of RAM that went away are an error, and no crash', () => {
    withRam(Buffer.alloc(300 * PAGE_BYTES), (finder, file) => {
      const runs = new RunList();
      runs.push(highPfn, 10, 0);
      truncateSync(file, 0);
      assert.throws(() => finder.split(runs), { code: 'internal', message: /EFAULT/ });
    });
  });
});
