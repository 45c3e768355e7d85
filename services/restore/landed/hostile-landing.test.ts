import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

import { encodePagemap, pagemapFlag } from '../../../libraries/criu-images/index.js';
import { systemClock } from '../../../libraries/process/index.js';
import { formatBytes, PAGE_BYTES } from '../../../libraries/units/index.js';
import { writeLanding, writeLevel, writeProcesses } from '../../../tests/support/criu-images.js';
import { assembleLanding } from './assemble-landing.js';
import { digestLanded } from './digest-landed.js';
import { listPages as listLandedPages } from './landed-images.js';
import { LandedMemory } from './landed-memory.js';

const { parent, present } = pagemapFlag;
const run = (page: number, pageCount: number, flags: number) => ({ page, pageCount, flags });
const content = (page: number): Buffer => Buffer.alloc(PAGE_BYTES, page);
const never = new AbortController().signal;
const digest = (images: string, signal = never) =>
  digestLanded({ clock: systemClock, cpuSeconds: () => 0 }, images, signal);
const listPages = (images: string, signal = never) => listLandedPages(images, signal);
const mismatch = (message: RegExp) => ({ name: 'PortkeyError', code: 'digest-mismatch', message });
const failed = (message: RegExp) => ({ name: 'PortkeyError', code: 'restore-failed', message });

describe('what a hostile VM, or whoever shares a folder with this one, has landed', () => {
  let root = '';
  let folder = '';
  let final = '';
  let memory = '';

  beforeEach(() => {
    root = mkdtempSync('/dev/shm/portkey-hostile-');
    folder = path.join(root, 'landing');
    final = path.join(folder, 'final');
    memory = path.join(folder, 'memory');
    writeLevel(final, 1, 1, [run(16, 2, parent), run(18, 1, present)], content);
    writeProcesses(final, [[{ tid: 1 }]]);
    writeLanding(memory, 1, [16, 17], content);
    mkdirSync(path.join(root, 'outside'));
    writeLevel(path.join(root, 'outside'), 1, 1, [run(16, 3, present)], content);
  });

  afterEach(() => rmSync(root, { recursive: true }));

  const outside = (name: string): string => path.join(root, 'outside', name);

  function putInstead(place: string, put: (place: string) => void): void {
    renameSync(place, path.join(root, 'was'));
    put(place);
  }

  async function readPage(page: number): Promise<Buffer> {
    const bytes = Buffer.alloc(PAGE_BYTES);
    const task = await LandedMemory.open(final, 'pagemap-1.img', never);
    try {
      await task.read(page, bytes);
      return bytes;
    } finally {
      await task.close();
    }
  }

  it('is neither waited for nor followed where an image is a FIFO, a link or a folder', async () => {
    await assembleLanding(folder);
    const kinds: readonly ((place: string) => void)[] = [
      (place) => execFileSync('mkfifo', [place]),
      (place) => symlinkSync(outside('pagemap-1.img'), place),
      (place) => symlinkSync('/dev/zero', place),
      (place) => mkdirSync(place),
    ];
    for (const put of kinds)
      for (const place of [
        path.join(final, 'pagemap-1.img'),
        path.join(final, 'pstree.img'),
        path.join(final, 'core-1.img'),
      ]) {
        putInstead(place, put);
        await assert.rejects(listPages(final), mismatch(/did not land whole: .*is, or is behind, a link/));
        await assert.rejects(digest(final), mismatch(/did not land whole/));
        rmSync(place, { recursive: true });
        renameSync(path.join(root, 'was'), place);
      }
    for (const put of kinds)
      for (const place of [path.join(memory, 'pages-1.img'), path.join(memory, 'pagemap-1.img')]) {
        putInstead(place, put);
        await assert.rejects(digest(final), mismatch(/did not land whole: .*is, or is behind, a link/));
        rmSync(place, { recursive: true });
        renameSync(path.join(root, 'was'), place);
      }
    assert.equal((await digest(final)).regions.length, 1);
  });

  it('is made into images without writing to where a link leads, or into a file that landed', async () => {
    const before = readFileSync(outside('pagemap-1.img'));
    symlinkSync(outside('pagemap-1.img'), path.join(memory, 'pagemap-1.img'));
    await assembleLanding(folder);
    assert.deepEqual(await readPage(17), content(17));
    assert.deepEqual(readFileSync(outside('pagemap-1.img')), before);
    unlinkSync(path.join(memory, 'pagemap-1.img'));
    execFileSync('mkfifo', [path.join(memory, 'pagemap-1.img')]);
    await assembleLanding(folder);
    assert.deepEqual(await readPage(17), content(17));

    putInstead(memory, (place) => symlinkSync(path.join(root, 'outside'), place));
    await assert.rejects(assembleLanding(folder), failed(/memory is, or is behind, a link/));
    assert.deepEqual(readFileSync(outside('pagemap-1.img')), before);
    assert.deepEqual(readdirSync(path.join(root, 'outside')).sort(), ['pagemap-1.img', 'pages-1.img']);
  });

  it('cannot be made into images where a folder of ours is none, or the parent is another one', async () => {
    putInstead(memory, (place) => writeFileSync(place, ''));
    await assert.rejects(assembleLanding(folder), failed(/cannot be made into images: .*memory/));
    rmSync(memory);
    renameSync(path.join(root, 'was'), memory);

    const pagemap = path.join(memory, 'pagemap-1.img');
    mkdirSync(path.join(pagemap, 'a'), { recursive: true });
    await assert.rejects(assembleLanding(folder), failed(/cannot be made into images/));
    rmSync(pagemap, { recursive: true });

    const link = path.join(final, 'parent');
    symlinkSync('../../outside', link);
    await assert.rejects(
      assembleLanding(folder),
      failed(/parent is there already, and leads to '..\/..\/outside'/),
    );
    unlinkSync(link);
    mkdirSync(link);
    await assert.rejects(assembleLanding(folder), failed(/parent is there already, and leads nowhere/));
    rmSync(link, { recursive: true });

    putInstead(final, (place) => symlinkSync(path.join(root, 'was'), place));
    await assert.rejects(assembleLanding(folder), failed(/the final images did not land in .*final/));
    assert.equal(existsSync(path.join(root, 'was', 'parent')), false);
  });

  it('has images of those files only that CRIU looks for, whatever others are called', async () => {
    const long = `pages-${'9'.repeat(244)}.img`;
    for (const name of [long, 'pages-0001.img', 'pages-99999999999.img', 'pages-0.img'])
      writeFileSync(path.join(memory, name), '');
    await assembleLanding(folder);
    assert.deepEqual(
      readdirSync(memory).filter((name) => name.startsWith('pagemap')),
      ['pagemap-1.img'],
    );
    for (const name of [
      'pagemap-0001.img',
      'pagemap-0.img',
      'pagemap-99999999999999999999.img',
      'pagemap-shmem-0.img',
      'pagemap-shmem-01.img',
    ])
      writeFileSync(path.join(final, name), encodePagemap({ pagesId: 1, runs: [run(16, 2, parent)] }));
    const { tasks } = await listPages(final);
    assert.deepEqual(tasks, [{ namespacePid: 1, sharedMemory: 0, runs: [16, 2, 18, 1], leftOut: [] }]);
  });

  it('is a mismatch where a parent’s images are none, as where the final ones are', async () => {
    await assembleLanding(folder);
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.from('something else'),
      Buffer.from('1943565425400856010000000f', 'hex'),
    ]) {
      writeFileSync(path.join(memory, 'pagemap-1.img'), bytes);
      await assert.rejects(digest(final), mismatch(/parent\/pagemap-1.img (is not|holds a record)/));
    }
  });

  it('is refused before it is digested where runs overlap or are out of order', async () => {
    await assembleLanding(folder);
    for (const runs of [
      [run(16, 2, parent), run(17, 1, present)],
      [run(18, 1, present), run(16, 2, parent)],
    ]) {
      writeFileSync(path.join(final, 'pagemap-1.img'), encodePagemap({ pagesId: 1, runs }));
      await assert.rejects(listPages(final), mismatch(/pagemap-1.img a run .* is out of order/));
      await assert.rejects(digest(final), mismatch(/pagemap-1.img a run .* is out of order/));
    }
  });

  it('is listed file by file for as long as that is wanted, and others have their turn after each', async () => {
    await assembleLanding(folder);
    const tids = Array.from({ length: 1_000 }, (_, index) => index + 1);
    writeProcesses(final, [tids.map((tid) => ({ tid }))]);
    const ending = new AbortController();
    let turns = 0;
    const turn = (): void => {
      turns += 1;
      if (turns === 100) ending.abort(new Error('no longer wanted'));
      if (!ending.signal.aborted) setImmediate(turn);
    };
    setImmediate(turn);
    await assert.rejects(listPages(final, ending.signal), { message: 'no longer wanted' });
    // Not one of them is opened where it was not wanted any more when its turn came.
    rmSync(path.join(final, 'pstree.img'));
    await assert.rejects(listPages(final, ending.signal), { message: 'no longer wanted' });
    await assert.rejects(digest(final, ending.signal), { message: 'no longer wanted' });
    await assert.rejects(LandedMemory.open(final, 'pagemap-1.img', ending.signal), {
      message: 'no longer wanted',
    });
  });

  it('has core images as long as the largest that CRIU could write, and no longer', async () => {
    await assembleLanding(folder);
    const core = path.join(final, 'core-1.img');
    const long = (byteLength: number): Buffer => {
      const head = Buffer.from('1943565447380555' + '00000000' + '3a', 'hex');
      const length = byteLength - head.length - 5;
      head.writeUInt32LE(byteLength - 12, 8);
      // The length of a field of bytes, in as many of its own as it may take.
      const varint = [0, 7, 14, 21, 28].map((bits) => ((length >>> bits) & 0x7f) | (bits < 28 ? 0x80 : 0));
      return Buffer.concat([head, Buffer.from(varint), Buffer.alloc(length, 1)]);
    };
    writeFileSync(core, long(2 ** 20));
    assert.equal((await listPages(final)).tasks.length, 1);
    writeFileSync(core, long(2 ** 20 + 1));
    await assert.rejects(listPages(final), mismatch(/core-1.img has .* no longer than 1 MiB/));
  });

  it('takes no memory for a hole, however long an image is', async () => {
    await assembleLanding(folder);
    const before = process.resourceUsage().maxRSS;
    for (const place of [
      path.join(final, 'pagemap-1.img'),
      path.join(final, 'pstree.img'),
      path.join(final, 'core-1.img'),
    ])
      for (const byteLength of [2 ** 24 + 1, 2 ** 31 - 1, 2 ** 40]) {
        const bytes = readFileSync(place);
        truncateSync(place, byteLength);
        const mostBytes = place.includes('core') ? 2 ** 20 : 2 ** 24;
        const most = `but such an image is no longer than ${formatBytes(mostBytes)}`;
        await assert.rejects(listPages(final), mismatch(new RegExp(most)));
        // As long as may be: the first empty record is refused.
        truncateSync(place, mostBytes);
        await assert.rejects(listPages(final), mismatch(/has an empty record/));
        writeFileSync(place, bytes);
      }
    const taken = process.resourceUsage().maxRSS - before;
    assert.ok(taken < 200 * 1024, `${taken} KiB`);
  });

  it('is not digested where it lists more pages than could be compared, which a hole has as well', async () => {
    const runs = Array.from({ length: 16 }, (_, index) => run(index * 2 ** 31, 2 ** 31 - 1, parent));
    writeFileSync(path.join(final, 'pagemap-1.img'), encodePagemap({ pagesId: 1, runs }));
    truncateSync(path.join(memory, 'pages-1.img'), 2 ** 47);
    await assembleLanding(folder);
    const message = /list pages in 4194304 regions of 2 MiB or more, but .* migrate without --verify/;
    await assert.rejects(listPages(final), mismatch(/67108864 regions of 2 MiB/));
    await assert.rejects(digest(final), mismatch(/migrate without --verify/));
    writeFileSync(path.join(final, 'pagemap-1.img'), encodePagemap({ pagesId: 1, runs: runs.slice(0, 1) }));
    await assert.rejects(listPages(final), mismatch(message));
  });

  it('is not digested where a thread would have more left out of it than a kernel writes', async () => {
    await assembleLanding(folder);
    for (const [byteLength, isTaken] of [
      [128, true],
      [129, false],
      [2 ** 47 - 8192, false],
    ] as const) {
      writeProcesses(final, [[{ tid: 1, rseq: [PAGE_BYTES, byteLength] }]]);
      if (isTaken) await digest(final);
      else await assert.rejects(digest(final), mismatch(/core-1.img has an area of \d+ bytes/));
    }
  });

  it('is looked for in parents of the same migration only, and in none twice', async () => {
    const link = path.join(final, 'parent');
    for (const target of [
      '.',
      '..',
      '../final',
      '../../outside',
      path.join(root, 'outside'),
      '/',
      '../memory/.',
      '../nowhere',
    ]) {
      symlinkSync(target, link);
      await assert.rejects(
        readPage(18),
        mismatch(/did not land whole: .*parent leads to|nowhere failed: ENOENT/),
        target,
      );
      unlinkSync(link);
    }
    symlinkSync('../memory', link);
    writeLevel(memory, 1, 1, [run(16, 2, parent)], content);
    symlinkSync('../final', path.join(memory, 'parent'));
    await assert.rejects(readPage(18), mismatch(/parent\/parent leads to '..\/final'/));
    unlinkSync(path.join(memory, 'parent'));
    // Images that landed in a folder of that name are none of a parent.
    mkdirSync(path.join(memory, 'parent'));
    await assert.rejects(readPage(18), mismatch(/EINVAL/));
    assert.equal(readlinkSync(link), '../memory');
  });

  it('is found in the oldest of as many dumps as a migration may have', async () => {
    const levels = 104;
    for (let level = 0; level < levels; level += 1) {
      const images = path.join(folder, String(level));
      writeLevel(images, 1, 1, [run(16, 1, level === 0 ? present : parent)], content);
      if (level > 0) symlinkSync(`../${level - 1}`, path.join(images, 'parent'));
    }
    writeLevel(final, 1, 1, [run(16, 1, parent)], content);
    symlinkSync(`../${levels - 1}`, path.join(final, 'parent'));
    assert.deepEqual(await readPage(16), content(16));
    assert.equal((await digest(final)).regions.length, 1);
  });
});
