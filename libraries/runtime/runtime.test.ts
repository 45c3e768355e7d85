import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { PortkeyError } from '../errors/index.js';
import type { RunCommand } from '../process/index.js';
import type { ContainerSpec } from '../rpc/index.js';
import {
  ContainerNetwork,
  Freezer,
  gratuitousArp,
  otherMemoryBytes,
  outerLinkName,
  runcConfig,
  tasksOf,
} from './index.js';
import { spec } from './test-spec.js';

describe('in a folder of its own', () => {
  let folder = '';
  beforeEach(async () => (folder = await mkdtemp(path.join(tmpdir(), 'portkey-runtime-'))));
  afterEach(() => rm(folder, { recursive: true, force: true }));

  describe('the freezer', () => {
    /** A cgroup folder whose cgroup.events never follows cgroup.freeze: a task stuck in the kernel. */
    it('thaws again and says so where tasks do not freeze', async () => {
      await mkdir(path.join(folder, 'portkey/web'), { recursive: true });
      const file = (name: string): string => path.join(folder, 'portkey/web', name);
      await writeFile(file('cgroup.events'), 'populated 1\nfrozen 0\n');
      let nowMs = 0;
      const clock = {
        monotonicMs: () => (nowMs += 500),
        wallTime: () => new Date(),
        sleep: () => Promise.resolve(),
      };
      const freezer = new Freezer('web', clock, folder);
      await assert.rejects(
        freezer.freeze(),
        (error) => error instanceof PortkeyError && error.code === 'freeze-failed',
      );
      await freezer.thaw();
    });
  });

  describe("a container's memory that is no task's own", () => {
    it('is its shared memory and tmpfs, and what is swapped out', async () => {
      const cgroup = path.join(folder, 'portkey/web');
      await mkdir(cgroup, { recursive: true });
      assert.equal(await otherMemoryBytes('web', folder), 0, 'without the memory controller');
      await writeFile(path.join(cgroup, 'memory.stat'), 'anon 4096\nfile 900000\nshmem 850000\nzswapped 7\n');
      assert.equal(await otherMemoryBytes('web', folder), 850_000, 'without swap');
      await writeFile(path.join(cgroup, 'memory.swap.current'), '20000\n');
      assert.equal(await otherMemoryBytes('web', folder), 870_000);
    });
  });

  describe('the list of tasks', () => {
    it('reads pid, start time and threads of tasks in the cgroup and below, whatever their name holds', async () => {
      const cgroup = path.join(folder, 'cgroup');
      await mkdir(path.join(cgroup, 'portkey/web/below'), { recursive: true });
      await writeFile(path.join(cgroup, 'portkey/web/cgroup.procs'), '200\n201\n');
      await writeFile(path.join(cgroup, 'portkey/web/below/cgroup.procs'), '300\n');
      const proc = path.join(folder, 'proc');
      for (const [pid, inner, flags] of [
        [200, 1, 0x400100],
        [300, 9, 0x400140],
      ] as const) {
        await mkdir(path.join(proc, String(pid)), { recursive: true });
        const rest = `S 1 ${'0 '.repeat(4)}${flags} ${'0 '.repeat(10)}4 0 ${7000 + pid} 0`;
        await writeFile(path.join(proc, `${pid}/stat`), `${pid} (nginx: a) b) ${rest}\n`);
        await writeFile(
          path.join(proc, `${pid}/status`),
          `Name:\tx\nNSpid:\t${pid}\t${inner}\nRssAnon:\t    12 kB\n`,
        );
      }
      const tasks = tasksOf('web', { cgroup, proc });
      const alike = { threadCount: 4, privateBytes: 12288, stopped: false };
      assert.deepEqual(tasks, [
        { ...alike, pid: 200, namespacePid: 1, startTicks: 7200, forkedOnly: false },
        { ...alike, pid: 300, namespacePid: 9, startTicks: 7300, forkedOnly: true },
      ]);
    });
  });
});

describe("a container's config", () => {
  const paths = { rootfs: '/r', criuConfig: '/c', networkNamespace: '/var/run/netns/web', emptyFolder: '/e' };

  it('names the network namespace by path, and leaves it out on the VM’s own network', () => {
    const namespaces = (network: ContainerSpec['network']): string =>
      JSON.stringify(runcConfig({ ...spec, network }, paths));
    assert.match(namespaces('NETWORK_MODE_OWN'), /"type":"network","path":"\/var\/run\/netns\/web"/);
    assert.doesNotMatch(namespaces('NETWORK_MODE_HOST'), /"type":"network"/);
  });

  it('is the same for the same spec, so that it is the same on both VMs', () => {
    assert.deepEqual(
      runcConfig(spec, paths),
      runcConfig(JSON.parse(JSON.stringify(spec)) as ContainerSpec, paths),
    );
  });
});

describe("a container's network", () => {
  it('is made with its link down, and removed whole', async () => {
    const commands: string[] = [];
    const run: RunCommand = (argv, options) => {
      commands.push(argv.join(' '), ...String(options?.input).trim().split('\n'));
      return Promise.resolve({ exitCode: 0, stdout: '', stderr: '' });
    };
    const switched: [string, boolean][] = [];
    const setInterface = (name: string, up: boolean): void => void switched.push([name, up]);
    const network = new ContainerNetwork(spec, 'br0', run, setInterface);
    await network.create();
    const link = outerLinkName('web');
    assert.ok(link.length <= 15, 'interface names have 15 characters at most');
    assert.ok(commands.includes(`link set ${link} master br0 down`));
    assert.ok(!commands.some((command) => command === `link set ${link} up`));
    assert.deepEqual(switched, []);
    network.setLink(true);
    assert.deepEqual(switched, [[link, true]]);
    commands.length = 0;
    await network.remove();
    const removal = ['ip -force -batch -', `link delete ${link}`, 'netns delete portkey-web'];
    assert.deepEqual(commands, removal);
    commands.length = 0;
    const none = new ContainerNetwork({ ...spec, network: 'NETWORK_MODE_HOST' }, 'br0', run, setInterface);
    await none.create();
    none.setLink(true);
    await none.remove();
    assert.deepEqual([commands, switched.length], [[], 1]);
  });

  it('announces itself with a broadcast ARP request for its own address (RFC 5227)', () => {
    const frame = gratuitousArp('02:70:6b:00:00:64', '10.77.0.100').toString('hex');
    const expected = 'ffffffffffff' + '02706b000064' + '0806' + '0001' + '0800' + '0604' + '0001' +
      '02706b000064' + '0a4d0064' + '000000000000' + '0a4d0064'; // prettier-ignore
    assert.equal(frame, expected);
  });
});
