import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { systemClock, type CommandResult } from '../../libraries/process/index.js';
import { writtenDown } from '../../libraries/runtime/test-kernel.js';
import { canMount, fillUp, mountSmall, unmountSmall } from '../../libraries/runtime/test-tmpfs.js';
import type { ContainerSpec, Mode } from '../../libraries/rpc/index.js';
import { ContainerHost, ContainerStore, Runc } from '../../libraries/runtime/index.js';
import { Arrivals } from './arrival.js';
import { PageServers } from './page-server.js';

const mebibyte = 2 ** 20;
const spec: ContainerSpec = {
  ...{ name: 'web', rootfs: '/tmp', readOnly: true, tmpfs: ['/tmp'], memoryLimitBytes: 0 },
  ...{ network: 'NETWORK_MODE_OWN', ip: '10.77.0.100/24', mac: '02:70:6b:00:00:64' },
  ...{ command: ['redis-server'], env: [], labels: {} },
};
const migration = { migrationId: 'm-1', epoch: 1, container: 'web' };

const rootsIn = (folder: string) => ({
  runcState: path.join(folder, 'runc'),
  cgroup: path.join(folder, 'cgroup'),
});

describe('an arrival', () => {
  let folder = '';
  let store = new ContainerStore();
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'portkey-arrival-'));
    store = new ContainerStore(path.join(folder, 'containers'), path.join(folder, 'ended'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** A VM with so much memory to spare, in which every command works. */
  function arrivals(availableBytes: number): Arrivals {
    const run = (argv: readonly string[]): Promise<CommandResult> =>
      Promise.resolve({ exitCode: 0, stdout: argv[1] === 'list' ? 'null' : '', stderr: '' });
    const runc = new Runc(run);
    return new Arrivals({
      ...{ store, runc, clock: systemClock, cpuSeconds: () => 0 },
      host: new ContainerHost({
        store,
        runc,
        run,
        clock: systemClock,
        bridge: 'br0',
        kernel: writtenDown([]),
        roots: rootsIn(folder),
      }),
      pageServers: new PageServers({
        run,
        address: '10.77.0.12',
        root: path.join(folder, 'images'),
        random: () => 0,
      }),
      share: path.join(folder, 'share'),
      workRoot: path.join(folder, 'arrivals'),
      memoryAvailableBytes: () => Promise.resolve(availableBytes),
      sendFrame: () => undefined,
      signal: () => undefined,
    });
  }

  function prepare(
    availableBytes: number,
    mode: Mode,
    migrationId = 'm-1',
    name = migration.container,
  ): Promise<void> {
    const source = {
      ...{ spec: { ...spec, name }, taskCount: 1, threadCount: 1, establishedConnections: 0, node: null },
      ...{ memoryBytes: 100 * mebibyte, otherBytes: 300 * mebibyte },
    };
    return arrivals(availableBytes).prepare({
      migration: { ...migration, migrationId },
      mode,
      source,
      sourceVm: 'vm-a',
      bootId: '',
    });
  }

  it('needs room for shared memory, tmpfs and swap too, and for the images where they are in memory', async () => {
    for (const [mode, neededMebibytes] of [
      ['MODE_PORTKEY', 464],
      ['MODE_CRIU', 864],
    ] as const) {
      await assert.rejects(prepare(neededMebibytes * mebibyte - 1, mode), { code: 'no-room' });
      assert.deepEqual(await store.names(), []);
      await prepare(neededMebibytes * mebibyte, mode, mode);
      await arrivals(0).discard({ ...migration, migrationId: mode });
    }
  });

  it('is of the container that migrates, whatever its source says', async () => {
    await assert.rejects(prepare(2 ** 40, 'MODE_PORTKEY', 'm-1', 'database'), {
      code: 'invalid-argument',
      message: /^migration m-1 moves container 'web', but its source describes a container 'database'; /,
    });
    assert.deepEqual(await store.names(), []);
  });

  it('is not prepared after it was ended: a Prepare that was on its way for long makes nothing', async () => {
    await arrivals(0).discard({ ...migration, epoch: 2 });
    await assert.rejects(prepare(2 ** 40, 'MODE_PORTKEY'), { code: 'stale-epoch' });
    await prepare(2 ** 40, 'MODE_PORTKEY', 'm-2');
    await arrivals(0).release({ ...migration, migrationId: 'm-2' });
    await store.remove('web');
    await assert.rejects(prepare(2 ** 40, 'MODE_PORTKEY', 'm-2'), { code: 'stale-epoch' });
    assert.deepEqual(await store.names(), []);
  });

  it('counts as restored only once it is whole, and as activated only where all its tasks are left', async () => {
    await prepare(2 ** 40, 'MODE_CRIU');
    await assert.rejects(arrivals(0).restore(migration, ''), { code: 'restore-failed' });
    assert.equal(store.hasReached('web', 'restored'), false);
    assert.equal(store.hasReached('web', 'activated'), false);
    store.reach('web', 'restored', '2');
    await assert.rejects(arrivals(0).activate(migration), {
      code: 'destination-lost',
      message: /^container 'web' has 0 of 2 tasks left here: /,
    });
    assert.equal(store.hasReached('web', 'activated'), false);
    store.reach('web', 'activated');
    await assert.rejects(arrivals(0).activate(migration), {
      code: 'destination-lost',
      message: /^container 'web' was set going here, and no task of it is left; .* since the freeze is lost$/,
    });
  });

  it('whose images have filled /run is taken over, and activated and released or discarded', async function () {
    if (!canMount()) {
      process.stderr.write('skipped: only root can mount\n');
      this.skip();
    }
    const takenOver = { ...migration, epoch: 10 };
    for (const runs of [true, false]) {
      await mountSmall(folder);
      try {
        await prepare(2 ** 40, 'MODE_CRIU');
        store.reach('web', 'restored', '0');
        // As where tasks have been told to run already: there are none in this test.
        if (runs) store.reach('web', 'activated');
        await mkdir(path.join(folder, 'images/m-1/final'), { recursive: true });
        fillUp(path.join(folder, 'images/m-1/final'));
        if (runs) await arrivals(0).activate(takenOver);
        await (runs ? arrivals(0).release(takenOver) : arrivals(0).discard(takenOver));
        assert.equal(store.claimOf('web'), undefined);
        assert.deepEqual(await store.names(), runs ? ['web'] : []);
        assert.deepEqual(await readdir(path.join(folder, 'images')), []);
      } finally {
        await unmountSmall(folder);
      }
    }
  });

  it('takes images only from the VM that it comes from', async () => {
    await prepare(2 ** 40, 'MODE_CRIU');
    const from = (vm: string, migrationId = 'm-1'): Promise<number> =>
      arrivals(0).imageBytesFrom({ role: 'checkpoint', name: vm }, migrationId);
    assert.equal(await from('vm-a'), 464 * mebibyte, 'what Prepare was told, and some');
    await assert.rejects(from('vm-c'), { code: 'not-permitted' });
    await assert.rejects(from('vm-a', 'm-2'), { code: 'stale-epoch' });
    await arrivals(0).imageBytesFrom(undefined, 'm-1');
    await arrivals(0).discard(migration);
  });

  it('that another run of the controller has taken over is left alone by the first', async () => {
    await prepare(2 ** 40, 'MODE_PORTKEY');
    const arriving = arrivals(0);
    await store.held('web', { ...migration, epoch: 2 });
    for (const call of [
      () => arriving.requireClaim(migration),
      () => arriving.restore(migration, ''),
      () => arriving.activate(migration),
      () => arriving.release(migration),
      () => arriving.discard(migration),
    ]) {
      await assert.rejects(call, { code: 'stale-epoch' });
    }
    await arriving.discard({ ...migration, epoch: 3 });
    assert.deepEqual(await store.names(), []);
  });
});
