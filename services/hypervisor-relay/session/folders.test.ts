import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';

import { ShareFolders } from './folders.js';

describe('the share of a VM', () => {
  let share = '';
  beforeEach(() => (share = mkdtempSync('/dev/shm/portkey-share-')));
  afterEach(() => rmSync(share, { recursive: true, force: true }));

  it('takes a landing where files may be as long as the address space, and keeps no trace of having tried', async () => {
    const folders = new ShareFolders('vm-b', share);
    assert.deepEqual(await folders.problems(), []);
    assert.equal(await folders.makeLanding('m-1', 1), path.join(share, 'landing/m-1'));
    assert.deepEqual(readdirSync(path.join(share, 'landing')), ['m-1']);
  });

  it('refuses a landing on a file system whose files end earlier, and says so to whoever asks', async () => {
    const ext4Bytes = 2 ** 44 - 4096;
    const folders = new ShareFolders('vm-b', share, (_fd, byteLength) => {
      if (byteLength > ext4Bytes) throw Object.assign(new Error('file too large'), { code: 'EFBIG' });
    });
    const message =
      /the share of vm-b, .* whose files end before 128 TiB, .*; put the share on tmpfs or XFS$/;
    await assert.rejects(folders.makeLanding('m-1', 1), { code: 'no-room', message });
    assert.deepEqual(readdirSync(path.join(share, 'landing')), []);
    const [problem = '', ...others] = await folders.problems();
    assert.match(problem, message);
    assert.deepEqual(others, []);
  });

  it('that is not there is a problem', async () => {
    assert.match(
      (await new ShareFolders('vm-b', '/nonexistent').problems())[0] ?? '',
      /\/nonexistent.*ENOENT/,
    );
  });
});
