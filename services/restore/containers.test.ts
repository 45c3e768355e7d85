import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { systemClock, type CommandResult } from '../../libraries/process/index.js';
import type { ContainerSpec } from '../../libraries/rpc/index.js';
import { ContainerHost, ContainerStore, Runc } from '../../libraries/runtime/index.js';
import { writtenDown } from '../../libraries/runtime/test-kernel.js';
import { Containers } from './containers.js';

const specOf = (name: string): ContainerSpec => ({
  ...{ name, rootfs: '/tmp', readOnly: true, tmpfs: [], memoryLimitBytes: 0 },
  ...{ network: 'NETWORK_MODE_OWN', ip: '10.77.0.100/24', mac: '02:70:6b:00:00:64' },
  ...{ command: ['redis-server'], env: [], labels: {} },
});
const claim = { migrationId: 'm-1', epoch: 3 };
const destination = { ...claim, role: 'destination' } as const;

describe('the containers of a VM', () => {
  let folder = '';
  let store = new ContainerStore();
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'portkey-containers-'));
    store = new ContainerStore(path.join(folder, 'containers'), path.join(folder, 'ended'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** In a VM where runc lists these, by name. */
  function containers(listed: Record<string, string>): Containers {
    const list = Object.entries(listed).map(([id, status]) => ({ id, pid: 812, status }));
    const run = (): Promise<CommandResult> =>
      Promise.resolve({ exitCode: 0, stdout: JSON.stringify(list), stderr: '' });
    const runc = new Runc(run);
    const host = new ContainerHost({
      ...{ store, runc, run, clock: systemClock, bridge: 'br0', kernel: writtenDown([]) },
      roots: { runcState: path.join(folder, 'runc'), cgroup: path.join(folder, 'cgroup') },
    });
    return new Containers(host, store, runc);
  }

  it('tell by which migration they are claimed, on which side, in which epoch', async () => {
    await store.create(specOf('free'));
    await store.create(specOf('leaving'), { ...claim, role: 'source' });
    await store.create(specOf('arriving'), destination);
    const listed = await containers({ free: 'running', leaving: 'paused' }).list();
    assert.deepEqual(
      listed.map(({ name, state, pid, claim }) => [name, state, pid, claim]),
      [
        ['arriving', 'created', 0, { ...claim, side: 'SIDE_DESTINATION' }],
        ['free', 'running', 812, null],
        ['leaving', 'paused', 812, { ...claim, side: 'SIDE_SOURCE' }],
      ],
    );
  });

  it('that arrive are restored once they are whole, and run once they were told to', async () => {
    await store.create(specOf('web'), destination);
    const stateWhere = async (runc: Record<string, string>) => (await containers(runc).list())[0]?.state;
    assert.equal(await stateWhere({ web: 'running' }), 'created', 'CRIU is at work, or broke off');
    store.reach('web', 'restored');
    assert.equal(await stateWhere({ web: 'running' }), 'restored');
    assert.equal(await stateWhere({}), 'stopped');
    store.reach('web', 'activated');
    assert.equal(await stateWhere({ web: 'running' }), 'running');
    await store.release('web');
    await store.claim('web', { migrationId: 'm-2', epoch: 1, role: 'source' });
    assert.equal(await stateWhere({ web: 'running' }), 'running');
  });

  it('do not start once their caller is gone', async () => {
    const caller = new AbortController();
    const ran: string[] = [];
    const run = (argv: readonly string[]): Promise<CommandResult> => {
      ran.push(argv.join(' '));
      caller.abort();
      return Promise.resolve({ exitCode: 0, stdout: '[]', stderr: '' });
    };
    const runc = new Runc(run);
    const host = new ContainerHost({
      ...{ store, runc, run, clock: systemClock, bridge: 'br0', kernel: writtenDown([]) },
      roots: { runcState: path.join(folder, 'runc'), cgroup: path.join(folder, 'cgroup') },
    });
    const starting = new Containers(host, store, runc).run(specOf('late'), caller.signal);
    await assert.rejects(starting, { code: 'cancelled', message: /'late' was not started/ });
    assert.deepEqual(
      ran.filter((command) => / run /.test(command)),
      [],
    );
    assert.deepEqual(await store.names(), []);
  });

  it('of which one cannot be read are listed but for that one', async () => {
    await store.create(specOf('web'));
    await store.create(specOf('bad'));
    await writeFile(path.join(store.folder('bad'), 'claim.json'), 'no JSON');
    assert.deepEqual(
      (await containers({ web: 'running', bad: 'running' }).list()).map(({ name }) => name),
      ['web'],
    );
  });
});
