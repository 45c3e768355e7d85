import assert from 'node:assert/strict';

import fc from 'fast-check';

import { joined, outside, privateMappings, type PageSpan } from './address-space.js';

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

  it('leaves huge pages of hugetlbfs to CRIU, and joins neighbours', () => {
    const maps = [
      '7f0000000000-7f0000200000 rw-p 00000000 00:10 99                         /anon_hugepage (deleted)',
      '7f1000000000-7f1000001000 r--p 00000000 fe:00 12                         /usr/lib/libc.so.6',
      '7f1000001000-7f1000003000 rw-p 00000000 00:00 0 ',
      '7f1000004000-7f1000005000 rw-p 00000000 00:00 0 ',
    ].join('\n');
    assert.deepEqual(joined(privateMappings(maps)), [
      { firstPage: 0x7f1000000, pageCount: 3, isVdso: false },
      { firstPage: 0x7f1000004, pageCount: 1, isVdso: false },
    ]);
  });

  it('has, outside of some spans, each page that is in none of them, once', () => {
    const gapAndLength = fc.tuple(fc.nat(20), fc.integer({ min: 1, max: 20 }));
    fc.assert(
      fc.property(fc.array(gapAndLength, { maxLength: 8 }), fc.nat(60), fc.nat(60), (list, first, count) => {
        const spans: PageSpan[] = [];
        let page = 0;
        for (const [gap, pageCount] of list) {
          spans.push({ firstPage: page + gap, pageCount });
          page += gap + pageCount;
        }
        const parts = outside({ firstPage: first, pageCount: count }, spans);
        assert.deepEqual(
          parts.flatMap(pagesIn),
          pagesIn({ firstPage: first, pageCount: count }).filter(
            (one) => !spans.some((span) => pagesIn(span).includes(one)),
          ),
        );
        for (const { pageCount } of parts) assert.ok(pageCount > 0);
      }),
    );
  });
});

const pagesIn = ({ firstPage, pageCount }: PageSpan): number[] =>
  Array.from({ length: pageCount }, (_, offset) => firstPage + offset);
