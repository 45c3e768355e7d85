import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cp, lutimes, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { systemClock } from '../../libraries/process/index.js';
import { skip } from '../../tests/support/skip.js';
import { realTools } from '../tools.js';
import { makeExt4, pathsBelow, timeCommands } from './ext4.js';
import { exists } from './temporary.js';

describe('ext4 image', () => {
  const epoch = 1_000_000_000;
  let work = '';
  beforeEach(async () => {
    work = await mkdtemp(path.join(os.tmpdir(), 'portkey-ext4-'));
  });
  afterEach(() => rm(work, { recursive: true }));

  it('sets both times of every path, quotes included', () => {
    assert.equal(
      timeCommands(['/a "b"'], 7),
      'set_current_time @7\nsif "/a ""b""" ctime @7\nsif "/a ""b""" atime @7\n',
    );
  });

  it('lists a folder as the image has it', async () => {
    await mkdir(path.join(work, 'b/c'), { recursive: true });
    await writeFile(path.join(work, 'a'), '');
    assert.deepEqual(await pathsBelow(work), ['/', '/a', '/b', '/b/c']);
  });

  it('is the same for the same folder, whenever it was made', async function () {
    if (!(await exists('/sbin/mke2fs'))) skip(this, 'mke2fs is missing');
    const tools = realTools(work, () => undefined, new AbortController().signal);
    const hashes: string[] = [];
    const first = path.join(work, 'first');
    await mkdir(path.join(first, 'folder'), { recursive: true });
    await writeFile(path.join(first, 'folder/a file'), 'content');
    await symlink('nowhere', path.join(first, 'link'));
    const second = path.join(work, 'second');
    await cp(first, second, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
    for (const folder of [first, second]) {
      for (const name of await pathsBelow(folder)) await lutimes(path.join(folder, name), epoch, epoch);
      const image = path.join(work, 'image');
      await makeExt4(folder, image, { label: 'test', bytes: 2 ** 22, epoch }, tools);
      hashes.push(
        createHash('sha256')
          .update(await readFile(image))
          .digest('hex'),
      );
      await rm(image);
      // The next second would show in a time that is not set.
      await systemClock.sleep(1100);
    }
    assert.equal(hashes[0], hashes[1]);
  });
});
