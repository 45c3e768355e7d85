import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { MountPoints } from './mount-points.js';
import { mountPointsOf } from './runc-config.js';
import { spec as someSpec } from './test-spec.js';

describe('restores in one root at once', () => {
  let root = '';

  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'portkey-root-'));
  });

  afterEach(async () => {
    await rm(root, { recursive: true });
  });

  /** The most that were at work together. */
  async function mostAtOnce(): Promise<number> {
    const points = new MountPoints();
    let [now, most] = [0, 0];
    const restore = async (): Promise<void> => {
      now += 1;
      most = Math.max(most, now);
      await delay(10);
      now -= 1;
    };
    const spec = { ...someSpec, rootfs: root };
    await Promise.all([1, 2, 3].map(() => points.forRestore(spec, root, restore)));
    return most;
  }

  it('take turns while a mount point is missing that each of them would make', async () => {
    assert.equal(await mostAtOnce(), 1);
  });

  it('overlap once they are all there', async () => {
    for (const point of mountPointsOf({ ...someSpec, rootfs: root }))
      await mkdir(path.join(root, point), { recursive: true });
    assert.equal(await mostAtOnce(), 3);
  });

  it('need none below a tmpfs, which runc makes in there', () => {
    const points = mountPointsOf({ ...someSpec, tmpfs: ['/var', '/var/tmp'] });
    assert.deepEqual(points, ['/proc', '/dev', '/sys', '/sys/firmware', '/var']);
  });
});
