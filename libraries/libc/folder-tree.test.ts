import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

import { bytesBelow, filesBelow, Folder, removeTree } from './index.js';
import type { SmallHeapWork } from './testing/small-heap-worker.js';

/** More than there are. */
const any = 1_000;
const noRest = (): Promise<void> => Promise.resolve();

describe('a folder tree that someone else can write to', () => {
  let root: string;
  let share: Folder;

  beforeEach(() => {
    root = mkdtempSync('/dev/shm/portkey-tree-');
    mkdirSync(join(root, 'share/m1/final/deep'), { recursive: true });
    mkdirSync(join(root, 'outside'));
    writeFileSync(join(root, 'outside/precious'), '');
    writeFileSync(join(root, 'share/m1/final/deep/b.img'), '');
    writeFileSync(join(root, 'share/m1/final/a.img'), '');
    symlinkSync('../../../outside', join(root, 'share/m1/final/parent'));
    symlinkSync('/etc/passwd', join(root, 'share/m1/final/passwd'));
    share = Folder.open(join(root, 'share'));
  });

  afterEach(() => {
    share.close();
    rmSync(root, { recursive: true });
  });

  it('lists regular files only', () => {
    assert.deepEqual(filesBelow(share, any), ['m1/final/a.img', 'm1/final/deep/b.img']);
  });

  it('takes a page for each file, folder and link, and what files hold: holes take nothing', () => {
    const before = bytesBelow(share, 2 ** 40);
    // m1, final, deep, a.img, b.img and two links.
    assert.equal(before, 7 * 4096);
    const fd = openSync(join(root, 'share/m1/final/deep/b.img'), 'r+');
    writeSync(fd, Buffer.alloc(3 * 4096, 1), 0, 3 * 4096, 2 ** 30);
    closeSync(fd);
    assert.equal(bytesBelow(share, 2 ** 40) - before, 2 * 4096);
  });

  it('is removed without touching what its links point to', async () => {
    await removeTree(share, 'm1', noRest);
    assert.deepEqual(readdirSync(join(root, 'share')), []);
    assert.ok(existsSync(join(root, 'outside/precious')));
    await removeTree(share, 'm1', noRest);
  });

  it('is removed with a rest after each few of its entries, as long as that takes', async () => {
    for (let index = 0; index < 100; index += 1)
      writeFileSync(join(root, 'share/m1/final', String(index)), '');
    const left = (): number => readdirSync(join(root, 'share/m1'), { recursive: true }).length;
    const first = left();
    let removed = 0;
    await removeTree(share, 'm1', async (entries) => {
      removed += entries;
      assert.equal(left(), first - removed);
      await setTimeout(20);
      assert.equal(left(), first - removed, 'it went on before the rest was over');
    });
    assert.ok(removed >= 64 && removed <= first, `${removed} of ${first} were told`);
  });

  it('is not removed through a link', async () => {
    symlinkSync('../outside', join(root, 'share/m2'));
    await assert.rejects(removeTree(share, 'm2', noRest), { code: 'share-tampered' });
    await assert.rejects(removeTree(share, '../outside', noRest), { code: 'invalid-argument' });
    assert.ok(existsSync(join(root, 'outside/precious')));
  });

  it('is neither walked nor removed where it is deeper than our names, and no descriptor stays open', async () => {
    const deepest = Array<string>(8).fill('d').join('/');
    mkdirSync(join(root, 'share', deepest), { recursive: true });
    writeFileSync(join(root, 'share', deepest.slice(2), 'file'), '');
    assert.ok(filesBelow(share, any).includes(`${deepest.slice(2)}/file`));
    mkdirSync(join(root, 'share', ...Array<string>(100).fill('d')), { recursive: true });
    const before = readdirSync('/proc/self/fd').length;
    assert.throws(() => filesBelow(share, any), { code: 'share-tampered' });
    assert.throws(() => bytesBelow(share, 2 ** 40), { code: 'share-tampered' });
    await assert.rejects(removeTree(share, 'd', noRest), { code: 'share-tampered' });
    assert.equal(readdirSync('/proc/self/fd').length, before);
  });

  it('is not listed where there is more in it than may be, whatever that is', () => {
    // m1, final, deep, a.img, b.img and two links.
    assert.equal(filesBelow(share, 7).length, 2);
    assert.throws(() => filesBelow(share, 6), {
      code: 'share-tampered',
      message: /share has more than 6 files, folders and links in it/,
    });
  });

  it('is counted no further than it matters', () => {
    const oneMore = bytesBelow(share, 3 * 4096);
    assert.equal(oneMore, 4 * 4096);
  });

  describe('with tens of thousands of empty files with long names', function () {
    this.timeout(120_000);
    const count = 40_000;

    beforeEach(() => {
      mkdirSync(join(root, 'share/full'));
      const first = join(root, 'share/full/first');
      writeFileSync(first, '');
      for (let index = 1; index < count; index += 1)
        linkSync(first, join(root, 'share/full', String(index).padStart(255, 'x')));
    });

    async function withSmallHeap(act: SmallHeapWork['act'], most = count * 4096): Promise<unknown> {
      const work: SmallHeapWork = { act, parent: join(root, 'share'), name: 'full', most };
      const worker = new Worker(new URL('./testing/small-heap-worker.js', import.meta.url), {
        workerData: work,
        trackUnmanagedFds: false,
        resourceLimits: { maxOldGenerationSizeMb: 12, maxYoungGenerationSizeMb: 2 },
      });
      return new Promise((resolve, reject) => {
        let posted: unknown;
        worker.on('message', (message: unknown) => {
          posted = message;
        });
        worker.once('error', reject);
        worker.once('exit', () => resolve(posted));
      });
    }

    it('is removed with a heap of a few MiB', async () => {
      await withSmallHeap('remove');
      assert.ok(!existsSync(join(root, 'share/full')));
    });

    it('is counted with a heap of a few MiB', async () => {
      assert.equal(await withSmallHeap('count'), count * 4096);
    });

    it('is refused with a heap of a few MiB', () =>
      assert.rejects(withSmallHeap('list', 10_000), { code: 'share-tampered' }));
  });
});
