import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { systemClock, type CommandResult } from '../process/index.js';
import { ContainerHost, ContainerStore, Runc } from './index.js';
import { writtenDown } from './test-kernel.js';
import { spec } from './test-spec.js';

describe('a container host', () => {
  let folder = '';
  beforeEach(async () => (folder = await mkdtemp(path.join(tmpdir(), 'portkey-host-'))));
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** A VM in which runc has a container of that name. */
  function host(commands: string[]): { host: ContainerHost; store: ContainerStore } {
    const run = (argv: readonly string[]): Promise<CommandResult> => {
      commands.push(argv.join(' '));
      const stdout = JSON.stringify([{ id: 'web', pid: 1234, status: 'running' }]);
      return Promise.resolve({ exitCode: 0, stdout, stderr: '' });
    };
    const store = new ContainerStore(path.join(folder, 'containers'), path.join(folder, 'ended'));
    const roots = { runcState: path.join(folder, 'runc'), cgroup: path.join(folder, 'cgroup') };
    return {
      store,
      host: new ContainerHost({
        ...{ store, runc: new Runc(run), run, clock: systemClock, bridge: 'br0', roots },
        kernel: writtenDown(commands),
      }),
    };
  }

  it("touches nothing of somebody else's container that has the name in runc", async () => {
    const commands: string[] = [];
    const { host: made, store } = host(commands);
    await mkdir(path.join(folder, 'runc', 'web'), { recursive: true });
    const claim = { migrationId: 'm-1', epoch: 1, role: 'destination' } as const;
    await assert.rejects(made.make(spec, claim), {
      code: 'container-exists',
      message: /runc has a container 'web' here that is not Portkey's; remove it with 'runc delete web'/,
    });
    assert.deepEqual(commands, []);
    assert.deepEqual(await store.names(), [], 'so a Discard finds nothing of this migration');
  });

  it('keeps a container of which something is left, so that its removal is asked for again', async () => {
    const { host: made, store } = host([]);
    await store.create(spec);
    const left = path.join(folder, 'cgroup/portkey/web/left');
    await mkdir(path.dirname(left), { recursive: true });
    await writeFile(left, '');
    await assert.rejects(made.remove(spec), { code: 'runtime-failed', message: /^the cgroup / });
    assert.deepEqual(await store.names(), ['web']);
    await rm(path.dirname(left), { recursive: true });
    await made.remove(spec);
    assert.deepEqual(await store.names(), []);
  });

  it('refuses the name of a container of its own as such', async () => {
    const commands: string[] = [];
    const { host: made, store } = host(commands);
    await store.create(spec);
    await assert.rejects(made.make(spec), { code: 'container-exists', message: /exists here already/ });
    assert.deepEqual(commands, []);
  });
});
