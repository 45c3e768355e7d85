import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import {
  runCommand,
  systemClock,
  type CommandResult,
  type RunCommand,
} from '../../libraries/process/index.js';
import { pagemapFlag } from '../../libraries/criu-images/index.js';
import { PAGE_BYTES } from '../../libraries/units/index.js';
import { canMount, fillUp, mountSmall, unmountSmall } from '../../libraries/runtime/test-tmpfs.js';
import {
  RpcClient,
  RpcServer,
  type CallContext,
  type ContainerSpec,
  type Mode,
  type Sent,
} from '../../libraries/rpc/index.js';
import { ContainerHost, ContainerStore, Runc } from '../../libraries/runtime/index.js';
import { writtenDown } from '../../libraries/runtime/test-kernel.js';
import { writeLevel, writeProcesses } from '../../tests/support/criu-images.js';
import { eventually } from '../../tests/support/eventually.js';
import { openFilesIn } from '../../tests/support/open-files.js';
import { skip } from '../../tests/support/skip.js';
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
  /** The folders of images that are mounted, and their sizes. */
  const mounted = new Map<string, number>();
  beforeEach(async () => {
    mounted.clear();
    folder = await mkdtemp(path.join(tmpdir(), 'portkey-arrival-'));
    store = new ContainerStore(path.join(folder, 'containers'), path.join(folder, 'ended'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** A VM with so much memory to spare, in which every command works. */
  function arrivals(availableBytes: number, restore?: RunCommand): Arrivals {
    const run: RunCommand = (argv, options): Promise<CommandResult> =>
      restore !== undefined && argv.includes('restore')
        ? restore(argv, options)
        : Promise.resolve({ exitCode: 0, stdout: argv[1] === 'list' ? 'null' : '', stderr: '' });
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
        mountTmpfs: (target, maxBytes) => void mounted.set(path.relative(folder, target), maxBytes),
        detachMount: (target) => void mounted.delete(path.relative(folder, target)),
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

  it('takes no more memory by its images than was looked for, whoever sends them', async () => {
    await prepare(2 ** 40, 'MODE_PORTKEY', 'm-0');
    assert.deepEqual([...mounted], []);
    await arrivals(0).discard({ ...migration, migrationId: 'm-0' });
    for (const [migrationId, end] of [
      ['m-1', 'discard'],
      ['m-2', 'release'],
    ] as const) {
      await prepare(2 ** 40, 'MODE_CRIU', migrationId);
      assert.deepEqual([...mounted], [[`images/${migrationId}`, 864 * mebibyte]]);
      await arrivals(0)[end]({ ...migration, migrationId });
      assert.deepEqual([...mounted], []);
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
    if (!canMount()) skip(this, 'only root can mount');
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
        // Not for want of room: there is no task of it here.
        if (runs) await assert.rejects(arrivals(0).activate(takenOver), { code: 'destination-lost' });
        await (runs ? arrivals(0).release(takenOver) : arrivals(0).discard(takenOver));
        assert.equal(store.claimOf('web'), undefined);
        assert.deepEqual(await store.names(), runs ? ['web'] : []);
        assert.deepEqual(await readdir(path.join(folder, 'images')), []);
      } finally {
        await unmountSmall(folder);
      }
    }
  });

  const image = (migrationId = 'm-1') => ({ migrationId, name: 'a.img', content: Buffer.from('a') });
  const oneImage = async function* (migrationId = 'm-1') {
    yield await Promise.resolve(image(migrationId));
  };
  const checkpointOf = (name: string) => ({ role: 'checkpoint' as const, name });
  const final = (): string => path.join(folder, 'images', 'm-1', 'final');

  it('gives a restore up that is at work when it is discarded, and one that is about to begin', async () => {
    const pids: number[] = [];
    // A process that looks like runc and takes as long as it likes.
    const endless: RunCommand = (_argv, options) =>
      runCommand(['bash', '-c', `exec -a runc bash -c 'sleep infinity & wait' restore web`], {
        ...options,
        onStart: (pid) => {
          pids.push(pid);
          options?.onStart?.(pid);
        },
      });
    const arriving = arrivals(0, endless);
    await prepare(2 ** 40, 'MODE_CRIU');
    const restored = assert.rejects(arriving.restore(migration, ''), { code: 'restore-failed' });
    // Not yet while it is the shell that becomes it.
    const isRunc = (pid: number): boolean =>
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('runc\0');
    await eventually('runc runs', () => pids.some(isRunc));
    await assert.rejects(arriving.giveUp({ ...migration, epoch: 0 }), { code: 'stale-epoch' });
    await arriving.giveUp(migration);
    await restored;
    await arriving.discard(migration);

    await prepare(2 ** 40, 'MODE_CRIU', 'm-2');
    const next = { ...migration, migrationId: 'm-2' };
    await arriving.giveUp(next);
    await assert.rejects(arriving.restore(next, ''), { code: 'stale-epoch', message: /m-2 has ended here/ });
    await arriving.giveUp({ ...migration, migrationId: 'm-3' });
    await arriving.discard(next);
    for (const pid of pids) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  });

  it('ends a digest that is under way when its migration is given up, and begins none any more', async () => {
    await prepare(2 ** 40, 'MODE_CRIU');
    const arriving = arrivals(0);
    const pages = { page: 512, pageCount: 16_384, flags: pagemapFlag.present };
    writeLevel(final(), 1, 1, [pages], () => Buffer.alloc(PAGE_BYTES));
    writeProcesses(final(), [[{ tid: 1 }]]);
    const digest = arriving.digestPages(migration, '', new AbortController().signal);
    await eventually('it is under way', () => openFilesIn(final()).length > 0);
    const ended = assert.rejects(digest, { code: 'stale-epoch', message: /m-1 has ended here/ });
    await arriving.giveUp(migration);
    await ended;
    const late = arriving.listPages(migration, '', new AbortController().signal);
    await assert.rejects(late, { code: 'stale-epoch' });
    await arriving.discard(migration);
  });

  it('takes images only from the VM that it comes from', async () => {
    await prepare(2 ** 40, 'MODE_CRIU');
    const from = (vm: string, migrationId = 'm-1') =>
      arrivals(0).receiveImages(checkpointOf(vm), oneImage(migrationId));
    assert.deepEqual(await from('vm-a'), { files: 1, bytes: 1 });
    await assert.rejects(from('vm-c'), { code: 'not-permitted' });
    await assert.rejects(from('vm-a', 'm-2'), { code: 'stale-epoch' });
    await rm(path.join(final(), 'a.img'));
    await arrivals(0).receiveImages(undefined, oneImage());
    await arrivals(0).discard(migration);
  });

  it('takes no more images than Prepare was told that there are, and some', async () => {
    await prepare(2 ** 40, 'MODE_CRIU');
    const chunks = async function* () {
      yield await Promise.resolve({ ...image(), content: Buffer.alloc(464 * mebibyte) });
    };
    await assert.rejects(arrivals(0).receiveImages(undefined, chunks()), {
      code: 'no-room',
      message: /no more than 464 MiB/,
    });
    await arrivals(0).discard(migration);
  });

  it('takes no images before there is room for them, which would hide them and not count them', async () => {
    await prepare(2 ** 40, 'MODE_CRIU');
    // As it is while Prepare has made the container, and not yet the room.
    await rm(path.join(folder, 'images', 'm-1'), { recursive: true });
    await assert.rejects(arrivals(0).receiveImages(checkpointOf('vm-a'), oneImage()), {
      code: 'transition-refused',
      message: /^migration m-1 has no room for images here yet/,
    });
    assert.equal(existsSync(path.join(folder, 'images', 'm-1')), false);
    await arrivals(0).discard(migration);
  });

  it('takes no images in Portkey mode, in which its room was counted once, and none once it is restored', async () => {
    await prepare(2 ** 40, 'MODE_PORTKEY');
    const send = () => arrivals(0).receiveImages(checkpointOf('vm-a'), oneImage());
    const refused = (message: RegExp) => ({ code: 'transition-refused', message });
    await assert.rejects(send(), refused(/^container 'web' arrives by migration m-1 in Portkey mode, /));
    assert.equal(existsSync(final()), false);
    await arrivals(0).discard(migration);
    await prepare(2 ** 40, 'MODE_CRIU', 'm-2');
    store.reach('web', 'restored', '1');
    await assert.rejects(
      arrivals(0).receiveImages(checkpointOf('vm-a'), oneImage('m-2')),
      refused(/^container 'web' is restored /),
    );
    assert.equal(existsSync(path.join(folder, 'images', 'm-2', 'final')), false);
  });

  it('gives the memory of its images back when it ends, whatever their sender still keeps open', async () => {
    const arriving = arrivals(0);
    const others = () => Promise.reject(new Error('not asked for'));
    const server = new RpcServer('insecure');
    // prettier-ignore
    server.add('Restore', { GetNode: others, Prepare: others, StartPageServer: others, Restore: others, Activate: others,
      Release: others, Discard: others, TakeOver: others, GetUsage: others, ListPages: others, DigestPages: others,
      PutImages: (chunks, { caller }: CallContext) => arriving.receiveImages(caller, chunks) });
    const address = `unix:${path.join(folder, 'socket')}`;
    await server.listen([address]);
    const client = new RpcClient('Restore', address, 'it', 'insecure', { role: 'restore', name: 'vm-b' });
    const openHere = (): string[] => openFilesIn(final());
    const endless = async function* (migrationId: string): AsyncGenerator<Sent<'Restore', 'PutImages'>> {
      yield { ...image(migrationId), content: Buffer.alloc(mebibyte / 2) };
      await new Promise(() => undefined);
    };
    try {
      for (const end of ['discard', 'release'] as const) {
        await prepare(2 ** 40, 'MODE_CRIU', 'm-1');
        const sent = client.upload('PutImages', endless('m-1'), { deadlineMs: 60_000 });
        const ended = assert.rejects(sent, { code: 'stale-epoch', message: /m-1 .* it has ended here/ });
        await eventually('the image has landed', () => openHere().length === 1);
        await arriving[end](migration);
        assert.deepEqual([openHere(), existsSync(final())], [[], false]);
        await ended;
        await store.remove('web');
        await rm(path.join(folder, 'ended'), { recursive: true });
      }
    } finally {
      client.close();
      await server.stop(0);
    }
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
