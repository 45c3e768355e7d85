import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { skip } from '../../tests/support/skip.js';
import { ContainerStore } from './index.js';
import { spec } from './test-spec.js';
import { canMount, fillUp, mountSmall, unmountSmall } from './test-tmpfs.js';

const source = { migrationId: 'm-1', epoch: 9, role: 'source' } as const;
const destination = { migrationId: 'm-2', epoch: 1, role: 'destination', sourceVm: 'vm-a' } as const;

describe('the container store on a full file system', () => {
  let folder = '';
  let mounted = false;
  let store = new ContainerStore();
  beforeEach(async function () {
    if (!canMount()) skip(this, 'only root can mount');
    folder = await mkdtemp(path.join(tmpdir(), 'portkey-full-'));
    await mountSmall(folder);
    mounted = true;
    store = new ContainerStore(path.join(folder, 'containers'), path.join(folder, 'ended'));
    await store.create(spec);
    await store.claim('web', source);
    await store.create({ ...spec, name: 'arriving' }, destination);
    fillUp(folder);
    await assert.rejects(writeFile(path.join(folder, 'file'), ''), { code: 'ENOSPC' });
  });
  afterEach(async () => {
    if (mounted) await unmountSmall(folder);
    mounted = false;
    await rm(folder, { recursive: true, force: true });
  });

  it('gives a claim to a higher epoch, again and again, also for an agent that was restarted', async () => {
    for (const epoch of [10, 11, 999, 2 ** 40]) {
      assert.deepEqual(await store.held('web', { ...source, epoch }), { ...source, epoch });
      assert.deepEqual(store.claimOf('web'), { ...source, epoch });
      await assert.rejects(store.held('web', { ...source, epoch: epoch - 1 }), { code: 'stale-epoch' });
    }
    const restarted = new ContainerStore(store.root, path.join(folder, 'ended'));
    assert.equal((await restarted.held('web', { ...source, epoch: 2 ** 41 }))?.epoch, 2 ** 41);
  });

  it('ends a migration that has claimed something, and gives it nothing any more', async () => {
    store.end('m-1');
    store.end('m-1');
    await store.release('web');
    await assert.rejects(store.claim('web', { ...source, epoch: 10 }), { code: 'stale-epoch' });
  });

  it('notes how far a container has come in its arrival', () => {
    store.reach('arriving', 'restored', '12');
    store.reach('arriving', 'activated');
    store.reach('arriving', 'activated');
    assert.equal(store.noteOf('arriving', 'restored'), '12');
    assert.equal(store.noteOf('arriving', 'activated'), '');
  });

  it('removes a container', async () => {
    await store.remove('arriving');
    assert.deepEqual(await readdir(store.root), ['web']);
    assert.deepEqual(await store.names(), ['web']);
  });
});

describe('a claim whose epoch is raised', () => {
  let folder = '';
  beforeEach(async () => (folder = await mkdtemp(path.join(tmpdir(), 'portkey-claim-'))));
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('has the old epoch until the last byte is written, whatever was written before it', async () => {
    const store = new ContainerStore(folder, path.join(folder, '.ended'));
    await store.create(spec, destination);
    const file = path.join(folder, 'web/claim.json');
    for (const [before, after] of [
      [1, 99],
      [99, 100],
      [100, 12_345_678],
    ] as const) {
      const old = await readFile(file);
      await store.held('web', { ...destination, epoch: after });
      const whole = await readFile(file);
      const changed = Array.from(whole.keys()).filter((at) => whole[at] !== old[at]);
      const [first = 0, ...others] = changed;
      assert.ok(others.length > 0 && whole.length === old.length);
      // The agent is killed: of the number there is each part that can be, and not the first byte, which is written last.
      for (let written = 0; written <= others.length; written += 1) {
        const cut = Buffer.from(old);
        for (const at of others.slice(0, written)) cut[at] = whole[at] ?? 0;
        await writeFile(file, cut);
        assert.deepEqual(store.claimOf('web'), { ...destination, epoch: before });
      }
      assert.ok(changed.every((at) => at >= first));
      await writeFile(file, whole);
      assert.deepEqual(store.claimOf('web'), { ...destination, epoch: after });
    }
  });
});

describe('the note that a migration has ended', () => {
  let folder = '';
  beforeEach(async () => (folder = await mkdtemp(path.join(tmpdir(), 'portkey-ended-'))));
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('is set aside for as long as the migration has a claim', async () => {
    const ended = path.join(folder, '.ended');
    const store = new ContainerStore(folder, ended);
    await store.create(spec);
    await store.claim('web', source);
    await store.claim('web', source);
    await assert.rejects(store.claim('web', { ...source, migrationId: 'm-3' }), { code: 'container-busy' });
    await assert.rejects(store.create(spec, destination), { code: 'container-exists' });
    await store.create({ ...spec, name: 'arriving' }, destination);
    await assert.rejects(store.create({ ...spec, name: 'arriving' }, destination), {
      code: 'container-exists',
    });
    assert.deepEqual(await readdir(ended), ['@m-1', '@m-2']);
    await store.remove('arriving');
    store.end('m-1');
    assert.deepEqual(await readdir(ended), ['m-1']);
  });

  it('is as old as the end of the migration, not as the claim', async () => {
    const store = new ContainerStore(folder, path.join(folder, '.ended'));
    await store.create(spec);
    await store.claim('web', source);
    for (let index = 0; index < 999; index += 1) store.end(`other-${index}`);
    store.end('m-1');
    store.end('last');
    await store.release('web');
    await assert.rejects(store.claim('web', source), { code: 'stale-epoch' });
    await store.claim('web', { ...source, migrationId: 'other-0' });
  });
});
