import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

import { ShareFolders } from './folders.js';

const noRest = (): Promise<void> => Promise.resolve();

describe('the share of a VM', () => {
  let share = '';
  beforeEach(() => (share = mkdtempSync('/dev/shm/portkey-share-')));
  afterEach(() => rmSync(share, { recursive: true, force: true }));

  it('takes a landing where files may be as long as the address space, and keeps no trace of having tried', async () => {
    const folders = new ShareFolders('vm-b', share, noRest);
    assert.deepEqual(await folders.problems(), []);
    assert.deepEqual(await folders.makeLanding('m-1', 1), { root: share, name: 'landing/m-1' });
    assert.deepEqual(readdirSync(path.join(share, 'landing')), ['m-1']);
  });

  it('refuses a landing on a file system whose files end earlier, and says so to whoever asks', async () => {
    const ext4Bytes = 2 ** 44 - 4096;
    const folders = new ShareFolders('vm-b', share, noRest, (_fd, byteLength) => {
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

  describe('that a migration has left much in', () => {
    const landing = (): string => path.join(share, 'landing/m-1');
    /** Each removal has one of its own. */
    const sharesOpen = (): number =>
      readdirSync('/proc/self/fd').filter((fd) => linkOf(`/proc/self/fd/${fd}`) === share).length;

    beforeEach(() => {
      mkdirSync(landing(), { recursive: true });
      for (let index = 0; index < 1_000; index += 1) writeFileSync(path.join(landing(), String(index)), '');
    });

    it('is cleared once, however often that is asked for meanwhile', async () => {
      const folders = new ShareFolders('vm-b', share, noRest);
      const removals = Array.from({ length: 5 }, () => folders.remove('m-1'));
      assert.equal(sharesOpen(), 1);
      await removals[0];
      assert.ok(!existsSync(landing()));
      await Promise.all(removals);
      assert.equal(sharesOpen(), 0);
    });

    it('is cleared before a landing is made there anew, also where that had begun', async () => {
      const folders = new ShareFolders('vm-b', share, noRest);
      const removal = folders.remove('m-1');
      await folders.makeLanding('m-1', 1);
      await removal;
      assert.deepEqual(readdirSync(landing()), []);
    });

    it('is cleared when it can be, though it could not be before', async () => {
      const folders = new ShareFolders('vm-b', share, noRest);
      mkdirSync(path.join(landing(), ...Array<string>(20).fill('d')), { recursive: true });
      const refused = { code: 'share-tampered' };
      await Promise.all([1, 2].map(() => assert.rejects(folders.remove('m-1'), refused)));
      rmSync(path.join(landing(), 'd'), { recursive: true });
      await folders.remove('m-1');
      assert.ok(!existsSync(landing()));
    });
  });

  it('that is not there is a problem', async () => {
    assert.match(
      (await new ShareFolders('vm-b', '/nonexistent', noRest).problems())[0] ?? '',
      /\/nonexistent.*ENOENT/,
    );
  });
});

/** Where it leads; nowhere if it is closed meanwhile, as the descriptor that lists them is. */
function linkOf(descriptor: string): string {
  try {
    return readlinkSync(descriptor);
  } catch {
    return '';
  }
}
