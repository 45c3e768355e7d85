import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { bindMount, detachMount, mountTmpfs } from './index.js';

describe('a mount', () => {
  let folder = '';
  beforeEach(async () => (folder = await mkdtemp(path.join(tmpdir(), 'portkey-mount-'))));
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('shows one folder in another until it is taken away, once or twice', async function () {
    if (process.getuid?.() !== 0) {
      process.stderr.write('skipped: only root can mount\n');
      this.skip();
    }
    const [source, target] = [path.join(folder, 'source'), path.join(folder, 'target')];
    await Promise.all([mkdir(source), mkdir(target)]);
    await writeFile(path.join(source, 'file'), '');
    bindMount(source, target);
    try {
      assert.deepEqual(await readdir(target), ['file']);
    } finally {
      detachMount(target);
    }
    assert.deepEqual(await readdir(target), []);
    detachMount(target);
    detachMount(path.join(folder, 'none'));
  });

  it('of memory has the size that it was given, and a mode of its own', async function () {
    if (process.getuid?.() !== 0) {
      process.stderr.write('skipped: only root can mount\n');
      this.skip();
    }
    mountTmpfs(folder, 1_000_000);
    try {
      const { bsize, blocks } = await statfs(folder);
      assert.equal(bsize * blocks, 245 * 4096, 'whole pages');
      assert.equal((await stat(folder)).mode & 0o777, 0o700);
    } finally {
      detachMount(folder);
    }
  });

  it('says what could not be mounted where', () => {
    const none = path.join(folder, 'none');
    assert.throws(() => mountTmpfs(none, 4096), {
      code: 'command-failed',
      message: new RegExp(`^mount of tmpfs on ${none} failed: E(NOENT|PERM)$`),
    });
    assert.throws(() => bindMount(none, folder), {
      code: 'command-failed',
      message: new RegExp(`^mount of ${none} on ${folder} failed: E(NOENT|PERM)$`),
    });
  });
});
