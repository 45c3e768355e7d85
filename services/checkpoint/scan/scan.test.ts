import assert from 'node:assert/strict';

import fc from 'fast-check';

import { RunList } from '../../../libraries/hypercall/index.js';
import { privateMappings } from './address-space.js';
import { entryWords } from './pagemap-words.js';
import { PageSet } from './page-set.js';
import { countDirty, selectPages, withdrawMoved, type Block } from './select.js';

const zeroPfn = 7;
const firstPage = 0x7f0000000;

/** A pagemap entry, or null for a page that is not in memory. Few frames, so that runs and moves come up. */
const entry = fc.option(
  fc.record({ pfn: fc.integer({ min: 1, max: 12 }), file: fc.boolean(), softDirty: fc.boolean() }),
  { nil: null, freq: 6 },
);
const entries = fc.array(entry, { maxLength: 64 });
type Entry = { pfn: number; file: boolean; softDirty: boolean } | null;

function blockOf(list: readonly Entry[], isVdso = false): Block {
  const words = Uint32Array.from(list.flatMap((one) => (one === null ? [0, 0] : entryWords(one))));
  return { firstPage, words, isVdso };
}

/** The runs as pairs of page and frame, one per page. */
function pagesOf(runs: RunList): [number, number][] {
  const pages: [number, number][] = [];
  for (let run = 0; run < runs.length; run += 1) {
    for (let offset = 0; offset < runs.count(run); offset += 1)
      pages.push([runs.page(run) + offset, runs.pfn(run) + offset]);
  }
  return pages;
}

describe('the scan', () => {
  it('sends what is private, present and either dirty or not sent yet: no more, no less, in order', () => {
    fc.assert(
      fc.property(entries, fc.array(fc.nat(63)), fc.boolean(), (list, sentBefore, isVdso) => {
        const sent = new PageSet();
        for (const offset of sentBefore) sent.add(firstPage + offset);
        const runs = new RunList();
        const present: number[] = [];
        selectPages(blockOf(list, isVdso), zeroPfn, sent, runs, (page) => present.push(page));

        const own = [...list.entries()].flatMap(([offset, one]) =>
          one !== null && (!one.file || isVdso) && one.pfn !== zeroPfn ? [{ offset, ...one }] : [],
        );
        const expected = own.filter(({ offset, softDirty }) => softDirty || !sentBefore.includes(offset));
        assert.deepEqual(
          pagesOf(runs),
          expected.map(({ offset, pfn }) => [firstPage + offset, pfn]),
        );
        assert.deepEqual(
          present,
          own.map(({ offset }) => firstPage + offset),
        );
        assert.ok(own.every(({ offset }) => sent.has(firstPage + offset)));
      }),
    );
  });

  it('makes one run of pages that follow each other in address and frame', () => {
    const list = [3, 4, 5, 6].map((pfn) => ({ pfn: pfn + 100, file: false, softDirty: true }));
    const runs = new RunList();
    selectPages(blockOf(list), zeroPfn, new PageSet(), runs);
    assert.equal(runs.length, 1);
    assert.equal(runs.count(0), 4);
  });

  it('sends a page again whose frame changed under the relay, and only that', () => {
    fc.assert(
      fc.property(entries, entries, (before, now) => {
        const sent = new PageSet();
        const runs = new RunList();
        selectPages(blockOf(before), zeroPfn, sent, runs);
        const after = before.map((_, offset) => now[offset] ?? null);
        const moved = withdrawMoved(blockOf(after), runs, sent);

        const kept = pagesOf(runs).filter(([page, pfn]) => after[page - firstPage]?.pfn === pfn);
        assert.equal(moved, runs.pageCount - kept.length);
        for (const [page, pfn] of pagesOf(runs))
          assert.equal(sent.has(page), after[page - firstPage]?.pfn === pfn);

        const again = new RunList();
        selectPages(blockOf(after.map((one) => one && { ...one, softDirty: false })), zeroPfn, sent, again);
        const keptPages = new Set(kept.map(([page]) => page));
        assert.ok(pagesOf(again).every(([page]) => !keptPages.has(page)));
      }),
    );
  });

  it('counts private pages written since', () => {
    const list: Entry[] = [
      { pfn: 1, file: false, softDirty: true },
      { pfn: 2, file: false, softDirty: false },
      { pfn: 3, file: true, softDirty: true },
      null,
    ];
    assert.equal(countDirty(blockOf(list)), 1);
  });
});

describe('a page set', () => {
  it('does what a Set does', () => {
    const page = fc.oneof(fc.nat(2000), fc.integer({ min: 2 ** 35 - 600, max: 2 ** 35 - 1 }));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom('add', 'delete'), page)), (steps) => {
        const set = new PageSet();
        const model = new Set<number>();
        for (const [step, number] of steps) {
          if (step === 'add') model.add(number);
          else model.delete(number);
          if (step === 'add') set.add(number);
          else set.delete(number);
          assert.equal(set.has(number), model.has(number));
        }
        for (const [, number] of steps) assert.equal(set.has(number), model.has(number));
      }),
    );
  });
});

describe('the address space', () => {
  it('is the private mappings, without what belongs to the kernel', () => {
    const maps = [
      '55d000000000-55d000002000 r--p 00000000 fe:00 1234                       /usr/bin/redis server',
      '7f1000000000-7f1000200000 rw-p 00000000 00:00 0 ',
      '7f1100000000-7f1100001000 rw-s 00000000 00:01 77                         /dev/zero (deleted)',
      '7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]',
      '7ffd00100000-7ffd00104000 r--p 00000000 00:00 0                          [vvar]',
      '7ffd00104000-7ffd00106000 r--p 00000000 00:00 0                          [vvar_vclock]',
      '7ffd00106000-7ffd00108000 r-xp 00000000 00:00 0                          [vdso]',
      'ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]',
      '',
    ].join('\n');
    assert.deepEqual(privateMappings(maps), [
      { firstPage: 0x55d000000, pageCount: 2, isVdso: false },
      { firstPage: 0x7f1000000, pageCount: 512, isVdso: false },
      { firstPage: 0x7ffd00000, pageCount: 33, isVdso: false },
      { firstPage: 0x7ffd00106, pageCount: 2, isVdso: true },
    ]);
  });
});
