import assert from 'node:assert/strict';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeSync,
} from 'node:fs';

import { bytesBelow, Folder } from '../../../libraries/libc/index.js';
import { runChecked, runCommand } from '../../../libraries/process/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import { maxObjectPages } from './bodies.js';
import { skip } from '../../../tests/support/skip.js';
import { LandingFiles } from './landing-files.js';
import { landingLimitBytes, landingQuota } from './landing-quota.js';

const MiB = 2 ** 20;
const limitBytes = 32 * MiB;
/** Between two looks at what the files hold. */
const stepBytes = 16 * MiB;

describe('the files of a landing', function () {
  this.timeout(60_000);
  const content = Buffer.alloc(MiB, 1);
  let share = '';
  let folder = '';
  let files: LandingFiles[] = [];

  beforeEach(() => {
    share = mkdtempSync('/dev/shm/portkey-landing-');
    folder = `${share}/landing/m-1`;
    mkdirSync(folder, { recursive: true });
    const quota = landingQuota(limitBytes);
    files = [1, 2].map(() => new LandingFiles({ root: share, name: 'landing/m-1' }, quota));
    for (const stream of files) stream.openObject(1, 'memory/pages-1.img');
  });

  afterEach(() => {
    for (const stream of files) stream.close();
    rmSync(share, { recursive: true });
  });

  /** These MiB of the object, by the streams in turn. */
  function land(first: number, count: number): void {
    for (let at = first; at < first + count; at += 1)
      files[at % 2]?.landPages(1, at * MiB, MiB, (fd) => writeSync(fd, content, 0, MiB, at * MiB));
  }

  function heldBytes(): number {
    const opened = Folder.open(folder);
    try {
      return bytesBelow(opened, 2 ** 40);
    } finally {
      opened.close();
    }
  }

  const noRoom = { code: 'no-room', message: /no more than 32 MiB/ };

  it('take pages over and over in the same places, and in others when the first are given back', () => {
    for (let round = 0; round < 8; round += 1) land(0, 24);
    files[0]?.dropPages(1, 0, 24 * MiB);
    land(100, 24);
    assert.ok(heldBytes() < limitBytes);
  });

  it('take no more than the landing may, all streams together', () => {
    assert.throws(() => land(0, 200), noRoom);
    assert.ok(heldBytes() <= limitBytes + stepBytes, `${heldBytes()} bytes are held`);
    assert.throws(() => files[0]?.landFile('final/a.img', 64 * MiB, () => assert.fail('written')), noRoom);
  });

  it('are no more than the landing may take in pages, though they hold nothing', () => {
    assert.throws(() => {
      for (let object = 2; object < 100_000; object += 1) {
        files[0]?.openObject(object, `memory/pages-${object}.img`);
        files[0]?.closeObject(object);
      }
    }, noRoom);
    const count = readdirSync(`${folder}/memory`).length;
    assert.ok(count <= (limitBytes + stepBytes) / 4096, `${count} files`);
  });

  it('have an object’s last page in its place, and nothing of it in another', () => {
    const [stream] = files;
    const place = (maxObjectPages - 1) * PAGE_BYTES;
    const write = (at: number) => (fd: number) => writeSync(fd, content, 0, PAGE_BYTES, at);
    stream?.landPages(1, 0, PAGE_BYTES, write(0));
    stream?.landZeroes(1, place, PAGE_BYTES);
    const file = `${folder}/memory/pages-1.img`;
    assert.equal(statSync(file).size, maxObjectPages * PAGE_BYTES);
    stream?.landPages(1, place, PAGE_BYTES, write(place));
    const fd = openSync(file, 'r');
    try {
      for (const at of [0, place]) {
        const landed = Buffer.alloc(PAGE_BYTES);
        readSync(fd, landed, 0, PAGE_BYTES, BigInt(at));
        assert.ok(landed.equals(content.subarray(0, PAGE_BYTES)), `the page at ${at} is another one`);
      }
    } finally {
      closeSync(fd);
    }
  });

  it('say that there is no room where the file system has no inode for another', async function () {
    if (process.getuid?.() !== 0) skip(this, 'only root may mount');
    await runChecked(runCommand, ['mount', '-t', 'tmpfs', '-o', 'nr_inodes=2', 'share', folder]);
    mkdirSync(`${folder}/m-2`);
    const full = new LandingFiles({ root: folder, name: 'm-2' }, landingQuota(limitBytes));
    try {
      const open = (): void => full.openObject(1, 'pages-1.img');
      assert.throws(open, { code: 'no-room', message: /m-2 is full/ });
    } finally {
      full.close();
      await runChecked(runCommand, ['umount', folder]);
    }
  });

  for (const name of ['landing', 'landing/m-1'])
    it(`are not opened where ${name} is a link`, () => {
      renameSync(`${share}/${name}`, `${share}/away`);
      symlinkSync(`${share}/away`, `${share}/${name}`);
      const opening = (): LandingFiles =>
        new LandingFiles({ root: share, name: 'landing/m-1' }, landingQuota(limitBytes));
      assert.throws(opening, { code: 'share-tampered' });
    });

  it('have room for a container that grows by as much again', () => {
    assert.equal(landingLimitBytes(100 * MiB), 712 * MiB);
  });
});
