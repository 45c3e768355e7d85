import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { PortkeyError } from '../../libraries/errors/index.js';
import { systemClock, type CommandResult } from '../../libraries/process/index.js';
import type { ContainerSpec } from '../../libraries/rpc/index.js';
import {
  ContainerHost,
  ContainerStore,
  CpuLimit,
  Freezer,
  outerLinkName,
  Runc,
} from '../../libraries/runtime/index.js';
import { writtenDown } from '../../libraries/runtime/test-kernel.js';
import { canMount, fillPages, fillUp, mountSmall, unmountSmall } from '../../libraries/runtime/test-tmpfs.js';
import { skip } from '../../tests/support/skip.js';
import { Departures } from './departure.js';
import { PagemapReader } from './scan/task-pagemap.js';

const spec: ContainerSpec = {
  ...{ name: 'web', rootfs: '/tmp', readOnly: true, tmpfs: ['/tmp'], memoryLimitBytes: 0 },
  ...{ network: 'NETWORK_MODE_OWN', ip: '10.77.0.100/24', mac: '02:70:6b:00:00:64' },
  ...{ command: ['redis-server'], env: [], labels: {} },
};
const migration = { migrationId: 'm-1', epoch: 1, container: 'web' };
const takenOver = { ...migration, epoch: 10 };
const begin = {
  migration,
  mode: 'MODE_CRIU',
  batch: '',
  destinationRestore: '',
  destinationVm: '',
  bootId: '',
} as const;

describe('a departure whose images have filled /run', () => {
  let folder = '';
  let run = '';
  let mounted = false;
  beforeEach(async function () {
    if (!canMount()) skip(this, 'only root can mount');
    folder = await mkdtemp(path.join(tmpdir(), 'portkey-full-'));
    run = path.join(folder, 'run');
    await mkdir(run);
    await mountSmall(run);
    mounted = true;
  });
  afterEach(async () => {
    if (mounted) await unmountSmall(run);
    mounted = false;
    await rm(folder, { recursive: true, force: true });
  });

  /** A VM where every command works. Its agent may be another one each time. */
  function departures(store: ContainerStore, asked: string[], ran: string[] = []): Departures {
    const cgroup = path.join(folder, 'cgroup');
    const every = (argv: readonly string[]): Promise<CommandResult> => {
      ran.push(argv.join(' '));
      return Promise.resolve({ exitCode: 0, stdout: argv[1] === 'list' ? 'null' : '', stderr: '' });
    };
    const runc = new Runc(every);
    return new Departures({
      ...{ store, runc, run: every, clock: systemClock, cpuSeconds: () => 0, security: 'insecure' },
      host: new ContainerHost({
        ...{ store, runc, run: every, clock: systemClock, bridge: 'br0', kernel: writtenDown(asked) },
        roots: { runcState: path.join(run, 'runc'), cgroup },
      }),
      freezer: (name) => new Freezer(name, systemClock, cgroup),
      cpuLimit: (name) => new CpuLimit(name, store.folder(name), cgroup),
      workRoot: path.join(run, 'departures'),
      share: path.join(folder, 'share'),
      hypercalls: () => {
        throw new PortkeyError('no-hypercall-channel', 'none in this test');
      },
      pagemapReader: () => new PagemapReader(1),
      uptimeSeconds: () => 1,
    });
  }

  /** One that has begun in CRIU mode, and filled what there is. */
  async function begun(asked: string[]): Promise<{ store: ContainerStore; agent: Departures }> {
    const store = new ContainerStore(path.join(run, 'containers'), path.join(run, 'ended'));
    await store.create(spec);
    const agent = departures(store, asked);
    await agent.begin(begin);
    await mkdir(path.join(run, 'departures/m-1/final'), { recursive: true });
    fillUp(path.join(run, 'departures/m-1/final'));
    return { store, agent };
  }

  for (const who of ['the agent', 'an agent that was restarted']) {
    it(`is taken over and rolled back by ${who}`, async () => {
      const asked: string[] = [];
      const cgroup = path.join(folder, 'cgroup/portkey/web');
      await mkdir(cgroup, { recursive: true });
      await writeFile(path.join(cgroup, 'cgroup.events'), 'populated 1\nfrozen 0\n');
      await writeFile(path.join(cgroup, 'cgroup.freeze'), '1');
      const { store, agent } = await begun(asked);
      const after = who === 'the agent' ? agent : departures(store, asked);
      await after.takeOver(takenOver);
      await assert.rejects(after.rollback(migration), { code: 'stale-epoch' });
      await after.rollback(takenOver);
      assert.equal(await readFile(path.join(cgroup, 'cgroup.freeze'), 'utf8'), '0');
      assert.deepEqual(asked, [`link ${outerLinkName('web')} up`]);
      assert.equal(store.claimOf('web'), undefined);
      assert.deepEqual(await readdir(path.join(run, 'departures')), []);
    });
  }

  it('starts no CRIU that it could not note, so that a rollback waits for none', async () => {
    const ran: string[] = [];
    const store = new ContainerStore(path.join(run, 'containers'), path.join(run, 'ended'));
    await store.create(spec);
    const agent = departures(store, [], ran);
    await agent.begin(begin);
    fillPages(run);
    const options = {
      index: 0,
      last: false,
      onProgress: () => undefined,
      signal: AbortSignal.timeout(10_000),
    };
    await assert.rejects(agent.round(migration, options, { address: '10.77.0.12', port: 23_456 }), {
      code: 'ENOSPC',
    });
    assert.deepEqual(ran, []);
  });

  it('is finished by another run of the controller', async () => {
    const { store, agent } = await begun([]);
    await agent.finish(takenOver);
    assert.deepEqual(await store.names(), []);
    assert.deepEqual(await readdir(path.join(run, 'departures')), []);
  });
});
