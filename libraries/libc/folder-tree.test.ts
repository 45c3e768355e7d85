import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { filesBelow, Folder, removeTree } from './index.js';

describe('a folder tree that someone else can write to', () => {
  let root: string;
  let share: Folder;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'portkey-tree-'));
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
});
