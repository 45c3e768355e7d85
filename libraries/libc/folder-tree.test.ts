import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
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

import { bytesBelow, filesBelow, Folder, removeTree } from './index.js';

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
    assert.deepEqual(filesBelow(share), ['m1/final/a.img', 'm1/final/deep/b.img']);
  });

  it('takes a page for each file, folder and link, and what files hold: holes take nothing', () => {
    const before = bytesBelow(share);
    // m1, final, deep, a.img, b.img and two links.
    assert.equal(before, 7 * 4096);
    const fd = openSync(join(root, 'share/m1/final/deep/b.img'), 'r+');
    writeSync(fd, Buffer.alloc(3 * 4096, 1), 0, 3 * 4096, 2 ** 30);
    closeSync(fd);
    assert.equal(bytesBelow(share) - before, 2 * 4096);
  });

  it('is removed without touching what its links point to', async () => {
    await removeTree(share, 'm1');
    assert.deepEqual(readdirSync(join(root, 'share')), []);
    assert.ok(existsSync(join(root, 'outside/precious')));
    await removeTree(share, 'm1');
  });

  it('is not removed through a link', async () => {
    symlinkSync('../outside', join(root, 'share/m2'));
    await assert.rejects(removeTree(share, 'm2'), { code: 'share-tampered' });
    await assert.rejects(removeTree(share, '../outside'), { code: 'invalid-argument' });
    assert.ok(existsSync(join(root, 'outside/precious')));
  });

  it('is neither walked nor removed where it is deeper than our names, and no descriptor stays open', async () => {
    const deepest = Array<string>(8).fill('d').join('/');
    mkdirSync(join(root, 'share', deepest), { recursive: true });
    writeFileSync(join(root, 'share', deepest.slice(2), 'file'), '');
    assert.ok(filesBelow(share).includes(`${deepest.slice(2)}/file`));
    mkdirSync(join(root, 'share', ...Array<string>(100).fill('d')), { recursive: true });
    const before = readdirSync('/proc/self/fd').length;
    assert.throws(() => filesBelow(share), { code: 'share-tampered' });
    assert.throws(() => bytesBelow(share), { code: 'share-tampered' });
    await assert.rejects(removeTree(share, 'd'), { code: 'share-tampered' });
    assert.equal(readdirSync('/proc/self/fd').length, before);
  });
});
