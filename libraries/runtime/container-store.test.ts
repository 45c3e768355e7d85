import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { ContainerStore } from './index.js';
import { spec } from './test-spec.js';

const claim = { migrationId: 'm-1', epoch: 1, role: 'source' } as const;

describe('the container store', () => {
  let folder = '';
  let store = new ContainerStore();
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'portkey-store-'));
    store = new ContainerStore(folder, path.join(folder, '.ended'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('lets one migration claim a container, and that one again', async () => {
    await store.create(spec);
    await store.claim('web', claim);
    await store.claim('web', claim);
    await assert.rejects(
      store.claim('web', { ...claim, migrationId: 'm-2' }),
      /'web' is being migrated \(m-1\)/,
    );
    await store.release('web');
    await store.claim('web', { ...claim, migrationId: 'm-2' });
    assert.equal((await store.held('web', { migrationId: 'm-2', epoch: 1 }))?.role, 'source');
    assert.equal(await store.held('web', claim), undefined);
  });

  it('gives a claim to a higher epoch of its migration, and refuses a lower one from then on', async () => {
    await store.create(spec, claim);
    const refusal = { code: 'stale-epoch', message: /taken over migration m-1 .*epoch 3, not 2/ };
    assert.equal((await store.held('web', { ...claim, epoch: 3 }))?.epoch, 3);
    await assert.rejects(store.held('web', { ...claim, epoch: 2 }), refusal);
    await assert.rejects(store.claim('web', { ...claim, epoch: 2 }), refusal);
    await store.claim('web', { ...claim, epoch: 4 });
    assert.deepEqual(store.claimOf('web'), { ...claim, epoch: 4 });
    assert.equal(await store.held('web', { migrationId: 'm-2', epoch: 9 }), undefined);
    assert.deepEqual(store.claimOf('web'), { ...claim, epoch: 4 });
  });

  it('keeps the highest of epochs that come at once', async () => {
    await store.create(spec, claim);
    await Promise.allSettled([2, 9, 5, 7].map((epoch) => store.held('web', { ...claim, epoch })));
    assert.equal(store.claimOf('web')?.epoch, 9);
  });

  it('gives no claim to a migration that has ended, also after the agent was restarted, and forgets the oldest', async () => {
    await store.create(spec);
    store.end('m-1');
    const late = { code: 'stale-epoch', message: /m-1 has ended here already/ };
    for (const agent of [store, new ContainerStore(folder, path.join(folder, '.ended'))]) {
      await assert.rejects(agent.claim('web', { ...claim, epoch: 9 }), late);
      await assert.rejects(agent.create({ ...spec, name: 'other' }, claim), late);
    }
    assert.equal(store.claimOf('web'), undefined);
    for (let index = 2; index < 1200; index += 1) store.end(`m-${index}`);
    assert.ok((await readdir(path.join(folder, '.ended'))).length <= 1000);
    await assert.rejects(store.claim('web', { ...claim, migrationId: 'm-1199' }), { code: 'stale-epoch' });
    await store.claim('web', { ...claim, migrationId: 'm-1200' });
    assert.deepEqual(await store.names(), ['web']);
  });

  it('gives a claim to exactly one of many that come at once', async () => {
    await store.create(spec);
    const tries = Array.from({ length: 20 }, (_, index) =>
      store.claim('web', { ...claim, migrationId: `m-${index}` }),
    );
    const outcomes = await Promise.allSettled(tries);
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
  });

  it('refuses a name twice, and names that are paths', async () => {
    await store.create(spec);
    await assert.rejects(store.create(spec), { code: 'container-exists' });
    for (const name of ['..', '../x', 'a/b', '', '-x', 'x'.repeat(64)])
      assert.throws(() => store.folder(name), /cannot name a container/);
    assert.deepEqual(store.spec('web'), spec);
  });

  it('makes a container whole or not at all', async () => {
    await store.create(spec, claim);
    assert.deepEqual(store.spec('web'), spec);
    assert.deepEqual(store.claimOf('web'), claim);
    const unwritable = { ...spec, name: 'half', memoryLimitBytes: 1n as unknown as number };
    await assert.rejects(store.create(unwritable, claim), TypeError);
    await store.create({ ...spec, name: 'half' });
    assert.deepEqual(await store.names(), ['half', 'web']);
    await store.remove('web');
    await store.remove('web');
    assert.deepEqual(await readdir(folder), ['.ended', 'half'], 'nothing is left aside');
    assert.deepEqual(await readdir(path.join(folder, '.ended')), []);
  });

  it('takes no notice of what an agent that died left aside, nor of a folder that it left empty', async () => {
    await mkdir(path.join(folder, '.aside-x1y2z3/web'), { recursive: true });
    await mkdir(path.join(folder, 'web'));
    await store.create(spec);
    assert.deepEqual(await store.names(), ['web']);
    assert.deepEqual(store.spec('web'), spec);
  });
});
