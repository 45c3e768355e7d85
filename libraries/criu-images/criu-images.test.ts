import assert from 'node:assert/strict';

import fc from 'fast-check';

import {
  decodePagemap,
  decodeProcessTree,
  decodeRseqArea,
  encodeInventory,
  encodePagemap,
  pagemapFlag,
  wholeAddressSpace,
} from './index.js';
import { encodeImage, magic } from './image-file.js';

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

describe('CRIU pagemap images of other versions', () => {
  const image = (...records: string[]): Buffer =>
    encodeImage(
      [magic.common, magic.pagemap],
      ['0801', ...records].map((hex) => Buffer.from(hex, 'hex')),
    );

  it('of 4.2 count pages in a field of their own', () => {
    // {vaddr: 0x1000, compat_nr_pages: 0, flags: PE_PARENT, nr_pages: 2}
    assert.deepEqual(decodePagemap('pagemap-1.img', image('088020' + '1000' + '2001' + '2802')).runs, [
      { page: 1, pageCount: 2, flags: pagemapFlag.parent },
    ]);
  });

  it('without flags have what is not in the parent', () => {
    // {vaddr: 0x1000, nr_pages: 2} and {vaddr: 0x4000, nr_pages: 1, in_parent: true}
    const { runs } = decodePagemap('pagemap-1.img', image('088020' + '1002', '08808001' + '1001' + '1801'));
    assert.deepEqual(
      runs.map(({ flags }) => flags),
      [pagemapFlag.present, pagemapFlag.parent],
    );
  });
});

describe('CRIU process tree and core images', () => {
  const image = (kind: number, ...records: string[]): Buffer =>
    encodeImage(
      [magic.common, kind],
      records.map((hex) => Buffer.from(hex, 'hex')),
    );

  it('tell processes and their threads', () => {
    // {pid: 1, ppid: 0, pgid: 1, sid: 1, threads: [1, 7]} and {pid: 300, …, threads: [300]}
    const content = image(
      magic.pstree,
      '0801' + '1000' + '1801' + '2001' + '2801' + '2807',
      '08ac02' + '1001' + '1801' + '2001' + '28ac02',
    );
    assert.deepEqual(decodeProcessTree('pstree.img', content), [
      { pid: 1, threads: [1, 7] },
      { pid: 300, threads: [300] },
    ]);
  });

  it('tell where a thread has its restartable sequences area', () => {
    // core_entry {mtype: 1, tc: {}, thread_core: {futex_rla: 5, comm: "web", rseq_entry: {0x1000, 32, …}}}
    const rseq = '088020' + '1020' + '1801';
    const thread = '0805' + '6a03776562' + '7a' + (rseq.length / 2).toString(16).padStart(2, '0') + rseq;
    const core = '0801' + '1a00' + '2a' + (thread.length / 2).toString(16).padStart(2, '0') + thread;
    assert.deepEqual(decodeRseqArea('core-1.img', image(magic.core, core)), {
      address: 4096,
      byteLength: 32,
    });
    assert.equal(decodeRseqArea('core-1.img', image(magic.core, '0801' + '2a020805')), undefined);
    assert.equal(decodeRseqArea('core-1.img', image(magic.core, '0801' + '1a00')), undefined, 'a dead task');
    assert.throws(
      () => decodeRseqArea('core-1.img', image(magic.pstree, core)),
      /core-1.img is not the CRIU/,
    );
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
