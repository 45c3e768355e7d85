import assert from 'node:assert/strict';

import fc from 'fast-check';

import { decodePagemap, encodeInventory, encodePagemap, pagemapFlag, wholeAddressSpace } from './index.js';

const run = fc.record(
  {
    page: fc.integer({ min: 0, max: 2 ** 35 - 1 }),
    pageCount: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    flags: fc.constantFrom(pagemapFlag.present, pagemapFlag.parent, pagemapFlag.present | pagemapFlag.lazy),
  },
  { noNullPrototype: true },
);

describe('CRIU pagemap images', () => {
  it('read back what was written', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 }), fc.array(run), (pagesId, runs) => {
        const pagemap = { pagesId, runs };
        assert.deepEqual(decodePagemap('pagemap-1.img', encodePagemap(pagemap)), pagemap);
      }),
    );
  });

  it('name the file that is cut off or of another kind', () => {
    const image = encodePagemap(wholeAddressSpace(1));
    assert.throws(
      () => decodePagemap('pagemap-7.img', image.subarray(0, image.length - 1)),
      /pagemap-7.img is cut off/,
    );
    assert.throws(
      () => decodePagemap('pagemap-7.img', encodeInventory(1)),
      /pagemap-7.img is not the CRIU image/,
    );
  });

  it('have the bytes of CRIU itself', () => {
    // `crit decode` of such a file: {"magic":"PAGEMAP","entries":[{"pages_id":1},{"vaddr":"0x400000","nr_pages":2,"flags":"PE_PRESENT"}]}
    const expected = '194356542540085602000000' + '0801' + '09000000' + '08808080021002' + '2004';
    const image = encodePagemap({
      pagesId: 1,
      runs: [{ page: 0x400, pageCount: 2, flags: pagemapFlag.present }],
    });
    assert.equal(image.toString('hex'), expected);
  });
});

describe('a pagemap of the whole address space', () => {
  it('puts each page at the offset of its virtual address', () => {
    let expectedPage = 0;
    for (const { page, pageCount } of wholeAddressSpace(1).runs) {
      assert.equal(page, expectedPage, 'runs follow each other without a gap');
      expectedPage += pageCount;
    }
    assert.equal(expectedPage * 4096, 2 ** 47);
  });
});
