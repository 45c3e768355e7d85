import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';

import fc from 'fast-check';

import { pagemapFlag } from '../../../libraries/criu-images/index.js';
import { systemClock } from '../../../libraries/process/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import { writeLanding, writeLevel, writeProcesses } from '../../../tests/support/criu-images.js';
import { assembleLanding } from './assemble-landing.js';
import { digestLanded } from './digest-landed.js';
import { listPages } from './landed-images.js';
import { LandedMemory } from './landed-memory.js';

const { parent, present } = pagemapFlag;
const never = new AbortController().signal;
const meter = { clock: systemClock, cpuSeconds: () => 0 };
const digest = (images: string) => digestLanded(meter, images, never);

/** What a level has of a page: no level has the same as another. */
const contentOf =
  (level: number) =>
  (page: number): Buffer =>
    Buffer.alloc(PAGE_BYTES, createHash('sha512').update(`${level} ${page}`).digest());

const run = (page: number, pageCount: number, flags: number) => ({ page, pageCount, flags });

describe('what landed', () => {
  let folder = '';
  // The files are sparse and as long as an address space.
  beforeEach(() => (folder = mkdtempSync('/dev/shm/portkey-landed-')));
  afterEach(() => rmSync(folder, { recursive: true }));

  async function read(images: string, page: number, pageCount: number): Promise<Buffer> {
    const memory = await LandedMemory.open(images, 'pagemap-1.img', never);
    const bytes = Buffer.alloc(pageCount * PAGE_BYTES);
    try {
      await memory.read(page, bytes);
      return bytes;
    } finally {
      await memory.close();
    }
  }

  /** Levels in folders 0, 1, …, each the parent of the next; returns the last one's folder. */
  function writeLevels(levels: readonly (readonly ReturnType<typeof run>[])[]): string {
    for (const [level, runs] of levels.entries()) {
      const images = path.join(folder, String(level));
      writeLevel(images, 1, 10 + level, runs, contentOf(level));
      if (level > 0) symlinkSync(`../${level - 1}`, path.join(images, 'parent'));
    }
    return path.join(folder, String(levels.length - 1));
  }

  it('is read from the newest level that has it, however the levels part it in runs', async () => {
    const pageCount = 12;
    // Of each page: the newest level that has it, from 0, and where older ones have it too.
    const page = fc.record({ newest: fc.integer({ min: 0, max: 2 }), older: fc.integer({ min: 0, max: 3 }) });
    const pages = fc.array(page, { minLength: pageCount, maxLength: pageCount });
    const cuts = fc.array(fc.boolean(), { minLength: 3 * pageCount, maxLength: 3 * pageCount });
    await fc.assert(
      fc.asyncProperty(pages, cuts, fc.nat(pageCount - 1), async (wanted, isCut, first) => {
        rmSync(folder, { recursive: true });
        const levels = [0, 1, 2].map((level) => {
          const runs: { page: number; pageCount: number; flags: number }[] = [];
          for (const [index, { newest, older }] of wanted.entries()) {
            if (level < newest && (older & (1 << level)) === 0) continue;
            const flags = level <= newest ? present : parent;
            const last = runs.at(-1);
            const goesOn = last !== undefined && last.page + last.pageCount === 100 + index;
            if (goesOn && last.flags === flags && isCut[level * pageCount + index] !== true)
              last.pageCount += 1;
            else runs.push(run(100 + index, 1, flags));
          }
          return runs;
        });
        const images = writeLevels(levels);
        const expected = wanted
          .slice(first)
          .map(({ newest }, index) => contentOf(newest)(100 + first + index));
        assert.deepEqual(await read(images, 100 + first, pageCount - first), Buffer.concat(expected));
      }),
      { numRuns: 60 },
    );
  });

  it('is not whole where a level lacks what a newer one looks for in it', async () => {
    const mismatch = (message: RegExp) => ({ code: 'digest-mismatch', message });
    const images = writeLevels([[run(100, 1, present)], [run(100, 2, parent), run(110, 1, present)]]);
    await assert.rejects(read(images, 100, 2), mismatch(/0x65000 in pagemap-1.img is not in .*\/parent$/));
    await assert.rejects(read(images, 105, 1), mismatch(/0x69000 in pagemap-1.img is not in/));
    assert.deepEqual(await read(images, 110, 1), contentOf(1)(110));
    truncateSync(path.join(images, 'pages-11.img'), PAGE_BYTES - 1);
    await assert.rejects(
      read(images, 110, 1),
      mismatch(/0x6e000 in pagemap-1.img is behind the end of .*pages-11.img/),
    );
    unlinkSync(path.join(images, 'pages-11.img'));
    await assert.rejects(read(images, 110, 1), mismatch(/pages-11.img, which did not land/));
    unlinkSync(path.join(images, 'parent'));
    await assert.rejects(read(images, 100, 1), mismatch(/which has none/));
  });

  /** In Portkey mode: two tasks, of which one has pages that CRIU dumped itself. */
  async function writePortkeyImages(): Promise<string> {
    const high = 0x7ffff0000;
    const images = path.join(folder, 'final');
    writeLevel(
      images,
      1,
      1,
      [run(100, 2, parent), run(102, 1, present), run(high, 600, parent)],
      contentOf(1),
    );
    writeLevel(images, 7, 2, [run(5, 3, parent)], contentOf(1));
    writeLevel(images, 'shmem-9', 3, [run(0, 4, present), run(8, 1, present)], contentOf(9));
    writeProcesses(images, [[{ tid: 1, rseq: [100 * PAGE_BYTES + 64, 32] }, { tid: 3 }], [{ tid: 7 }]]);
    const upper = Array.from({ length: 600 }, (_, index) => high + index);
    writeLanding(path.join(folder, 'memory'), 1, [100, 101, 102, ...upper], contentOf(0));
    writeLanding(path.join(folder, 'memory'), 7, [5, 6, 7], contentOf(0));
    assert.equal(await assembleLanding(folder), images);
    return assembleLanding(folder);
  }

  it('is listed with what is left out of it, and digested task by task', async () => {
    const images = await writePortkeyImages();
    assert.deepEqual(await listPages(images, never), {
      tasks: [
        {
          ...{ namespacePid: 1, sharedMemory: 0, runs: [100, 2, 102, 1, 0x7ffff0000, 600] },
          leftOut: [100 * PAGE_BYTES + 64, 32],
        },
        { namespacePid: 7, sharedMemory: 0, runs: [5, 3], leftOut: [] },
        { namespacePid: 0, sharedMemory: 9, runs: [0, 4, 8, 1], leftOut: [] },
      ],
    });
    const { regions } = await digest(images);
    assert.deepEqual(
      regions.map(({ namespacePid, sharedMemory, page, pageCount }) => [
        namespacePid,
        sharedMemory,
        page,
        pageCount,
      ]),
      [
        [1, 0, 0, 3],
        [1, 0, 0x7ffff0000, 512],
        [1, 0, 0x7ffff0200, 88],
        [7, 0, 0, 3],
        [0, 9, 0, 5],
      ],
    );
    assert.deepEqual(
      await read(images, 100, 3),
      Buffer.concat([contentOf(0)(100), contentOf(0)(101), contentOf(1)(102)]),
    );
  });

  it('has another digest where a byte of a landed file is another one, but for what is the kernel’s', async () => {
    const images = await writePortkeyImages();
    const before = (await digest(images)).regions;
    const changed = async (address: number): Promise<number[]> => {
      const file = await open(path.join(folder, 'memory/pages-1.img'), 'r+');
      try {
        await file.write(Buffer.from([0xff, 0x00]), 0, 2, address);
      } finally {
        await file.close();
      }
      const { regions } = await digest(images);
      return regions.flatMap(({ digest: now, page }, index) =>
        before[index]?.digest.equals(now) === true ? [] : [page],
      );
    };
    assert.deepEqual(await changed(100 * PAGE_BYTES + 70), [], 'where the kernel writes');
    assert.deepEqual(await changed(102 * PAGE_BYTES), [], 'a page that CRIU dumped itself later');
    assert.deepEqual(await changed((0x7ffff0000 + 520) * PAGE_BYTES), [0x7ffff0200]);
    assert.deepEqual(await changed(101 * PAGE_BYTES), [0, 0x7ffff0200]);
  });

  it('did not land whole where an image is missing, or is none', async () => {
    const images = await writePortkeyImages();
    writeFileSync(path.join(images, 'core-3.img'), 'something else');
    await assert.rejects(listPages(images, never), {
      code: 'digest-mismatch',
      message: /did not land whole: core-3.img is not/,
    });
    unlinkSync(path.join(images, 'core-3.img'));
    await assert.rejects(digest(images), {
      code: 'digest-mismatch',
      message: /did not land whole: .*core-3.img/,
    });
    rmSync(images, { recursive: true });
    await assert.rejects(assembleLanding(folder), { code: 'restore-failed' });
  });

  it('is not made again where it has been removed', async () => {
    const removed = path.join(folder, 'removed');
    await assert.rejects(assembleLanding(removed), {
      code: 'restore-failed',
      message: /nothing has landed in .*removed, or it has been removed/,
    });
    assert.equal(existsSync(removed), false);
  });
});
