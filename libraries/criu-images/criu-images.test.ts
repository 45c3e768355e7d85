import assert from 'node:assert/strict';

import fc from 'fast-check';
import protobuf from 'protobufjs/minimal.js';

import {
  decodeDumpStats,
  decodePagemap,
  decodeProcessTree,
  decodeRseqArea,
  encodeInventory,
  encodePagemap,
  pagemapFlag,
  wholeAddressSpace,
} from './index.js';
import { encodeImage, magic } from './image-file.js';
import { numbersIn } from './record-fields.js';

const flags = fc.constantFrom(
  pagemapFlag.present,
  pagemapFlag.parent,
  pagemapFlag.present | pagemapFlag.lazy,
);
const pages = fc.record({ gap: fc.nat(2 ** 24), pageCount: fc.integer({ min: 1, max: 2 ** 31 - 1 }), flags });

/** As CRIU writes them: by address. */
const runsOfPages = fc.array(pages, { maxLength: 12 }).map((list) => {
  let end = 0;
  return list.map(({ gap, pageCount, ...rest }) => {
    const page = end + gap;
    end = page + pageCount;
    return { page, pageCount, ...rest };
  });
});

/** Of records in hexadecimal. */
function image(kind: number, ...records: string[]): Buffer {
  return encodeImage(
    [magic.common, kind],
    records.map((hex) => Buffer.from(hex, 'hex')),
  );
}

describe('CRIU pagemap images', () => {
  it('read back what was written', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 }), runsOfPages, (pagesId, runs) => {
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
    assert.throws(
      () => decodePagemap('pagemap-7.img', image.subarray(0, 8)),
      /pagemap-7.img holds no record/,
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
  it('of 4.2 count pages in a field of their own', () => {
    // {vaddr: 0x1000, compat_nr_pages: 0, flags: PE_PARENT, nr_pages: 2}
    assert.deepEqual(
      decodePagemap('pagemap-1.img', image(magic.pagemap, '0801', '088020' + '1000' + '2001' + '2802')).runs,
      [{ page: 1, pageCount: 2, flags: pagemapFlag.parent }],
    );
  });

  it('without flags have what is not in the parent', () => {
    // {vaddr: 0x1000, nr_pages: 2} and {vaddr: 0x4000, nr_pages: 1, in_parent: true}
    const { runs } = decodePagemap(
      'pagemap-1.img',
      image(magic.pagemap, '0801', '088020' + '1002', '08808001' + '1001' + '1801'),
    );
    assert.deepEqual(
      runs.map(({ flags }) => flags),
      [pagemapFlag.present, pagemapFlag.parent],
    );
  });
});

describe('CRIU images of a hostile VM', () => {
  const internal = (message: RegExp) => ({ name: 'PortkeyError', code: 'internal', message });
  const pagemap = (...records: string[]) =>
    decodePagemap('pagemap-1.img', image(magic.pagemap, '0801', ...records));

  it('have pages of user space only, aligned, by address, and each once', () => {
    const refused: readonly [RegExp, ...string[]][] = [
      // {vaddr: 0x1001, nr_pages: 1}
      [/run of 1 pages at 0x1001 is not aligned/, '088120' + '1001'],
      // {0x2000, 1} and {0x1000, 1}; {0x1000, 2} and {0x2000, 1}
      [/run of 1 pages at 0x1000 is out of order/, '088040' + '1001', '088020' + '1001'],
      [/run of 1 pages at 0x2000 is out of order/, '088020' + '1002', '088040' + '1001'],
      // {0x1000, 2^60 in the field of 4.2}, {2^47 - 4096, 2}, {2^64 - 4096, 1}
      [/0x1000 reaches beyond user space/, '088020' + '28808080808080808010'],
      [/run of 2 pages at 0x7ffffffff000 reaches/, '0880e0ffffffff1f' + '1002'],
      [/0xfffffffffffff000 reaches beyond user space/, '0880e0ffffffffffffff01' + '1001'],
      // flags: 2^32
      [/4294967296 where CRIU has 32 bits/, '088020' + '1001' + '208080808010'],
    ];
    for (const [message, ...records] of refused) assert.throws(() => pagemap(...records), internal(message));
    // {vaddr: 2^47 - 4096, nr_pages: 1}, after a run without a page.
    assert.deepEqual(pagemap('088020' + '1000', '0880e0ffffffff1f' + '1001').runs, [
      { page: 2 ** 35 - 1, pageCount: 1, flags: pagemapFlag.present },
    ]);
  });

  it('are internal errors with a name, where a record is no message', () => {
    const noMessages = ['08', '0f', '0a05', '0affffffff0f', '0b'.repeat(400)];
    for (const hex of noMessages) {
      const cannot = (name: string) => internal(new RegExp(`^${name} holds a record that cannot be read`));
      assert.throws(() => pagemap(hex), cannot('pagemap-1.img'));
      assert.throws(() => decodeProcessTree('pstree.img', image(magic.pstree, hex)), cannot('pstree.img'));
      assert.throws(() => decodeRseqArea('core-1.img', image(magic.core, hex)), cannot('core-1.img'));
      const stats = encodeImage([magic.service, magic.stats], [Buffer.from(hex, 'hex')]);
      assert.throws(() => decodeDumpStats(stats), cannot('stats-dump'));
    }
  });

  it('have no field without a number, which zero bytes are, and no groups, which may hold any number of them', () => {
    const zeroes = '00'.repeat(2 ** 20);
    // {0: 0, …}; {1: 4096, 0: 0, …}; {9: group {0: 0, …}}; {9: the end of a group}
    for (const hex of [zeroes, '088020' + zeroes, '4b' + zeroes + '4c', '4c'])
      assert.throws(
        () => pagemap(hex),
        internal(/^pagemap-1.img holds a record that cannot be read: it has (a field 0|a group), /),
      );
    const long = encodeImage([magic.common, magic.core], [Buffer.alloc(2 ** 25)]);
    const before = performance.now();
    assert.throws(() => decodeRseqArea('core-1.img', long), internal(/core-1.img .* it has a field 0/));
    assert.ok(performance.now() - before < 100, 'not all of it was gone through');
  });

  it('are refused at the first empty record, of which a hole in a file has any number', () => {
    const hole = Buffer.concat([image(magic.pagemap, '0801'), Buffer.alloc(2 ** 26)]);
    assert.throws(() => decodePagemap('pagemap-1.img', hole), internal(/an empty record at byte 14/));
  });

  it('keep no more than the fields that there are, of a record with any number of them', () => {
    // 2^20 fields, all different, from 16 on.
    const writer = new protobuf.Writer().uint32(8).uint64(4096);
    for (let number = 16; number < 2 ** 20; number += 1) writer.uint32(number * 8).uint32(1);
    assert.deepEqual([...numbersIn('an image', writer.finish())], [[1, 4096]]);
  });

  it('name each process and each thread once, by a pid that Linux gives', () => {
    const tree = (...records: string[]) => decodeProcessTree('pstree.img', image(magic.pstree, ...records));
    assert.throws(() => tree('0801' + '2801' + '2801'), internal(/pstree.img names 1 twice/));
    assert.throws(() => tree('0801' + '2803', '0807' + '2803'), internal(/names 3 twice/));
    assert.throws(() => tree('0801', '0801'), internal(/names 1 twice/));
    assert.throws(() => tree('2801'), internal(/names 0, which is no pid/));
    assert.throws(() => tree('0801' + '28ffffffff0f'), internal(/names 4294967295, which is no pid/));
  });

  it('leave out no more than a kernel writes: one span could be all of user space', () => {
    const area = (byteLength: number) => {
      // core_entry {thread_core: {rseq_entry: {1: 0x1000, 2: byteLength}}}
      const rseq = new protobuf.Writer().uint32(8).uint64(4096).uint32(16).uint64(byteLength).finish();
      const thread = new protobuf.Writer().uint32(122).bytes(rseq).finish();
      const record = new protobuf.Writer().uint32(42).bytes(thread).finish();
      return decodeRseqArea('core-1.img', encodeImage([magic.common, magic.core], [record]));
    };
    for (const byteLength of [32, 64, 128]) assert.deepEqual(area(byteLength), { address: 4096, byteLength });
    for (const byteLength of [129, 4096, 2 ** 47 - 8192])
      assert.throws(
        () => area(byteLength),
        internal(
          new RegExp(`^core-1.img has an area of ${byteLength} bytes for restartable sequences, .* --verify`),
        ),
      );
  });

  it('have no restartable sequences beyond user space', () => {
    // rseq_entry {1: 2^63, 2: 32}
    const rseq = '0880808080808080808001' + '1020';
    assert.throws(
      () => decodeRseqArea('core-1.img', image(magic.core, '2a0f' + '7a0d' + rseq)),
      internal(/core-1.img has 32 bytes at address 9223372036854776000, which is beyond user space/),
    );
  });
});

describe('CRIU process tree and core images', () => {
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
