/**
 * What is wrong is said in one line by the service that notices, whose health check fails, and the others do not loop.
 * The last file: what it starts does not come up.
 */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import { readMemory } from '../../testbed/compose/vm/memory.js';
import { projectFile } from '../../testbed/paths.js';
import { eventually } from '../support/eventually.js';
import {
  compose,
  composeOk,
  down,
  project,
  logs,
  runDocker,
  seldom,
  services,
  untilHealth,
  up,
} from './support/bed.js';

const quietMs = 10_000;
const unhealthyMs = 90_000;
/** Of one service in that time: a start, and three more of Docker's. */
const mostLines = 25;

describe('what is wrong', function () {
  this.timeout(400_000);

  // Also where one of them fails.
  afterEach(() => down());

  const stateOf = async (name: string) => (await services()).find(({ service }) => service === name);

  it('with a secret: the controller says so, is unhealthy, and is well again with the right one', async () => {
    assert.equal((await up()).exitCode, 0);
    const file = projectFile('testbed/compose/secrets/controller/redis-password');
    const password = await readFile(file, 'utf8');
    await writeFile(file, 'another password');
    try {
      await composeOk(['restart', 'controller']);
      const told = await eventually(
        'it says so',
        seldom(async () => {
          const lines = (await logs('controller', 60)).filter((line) => line.includes('WRONGPASS'));
          return lines.length > 0 && lines;
        }),
      );
      assert.match(told[0] ?? '', /Redis at 10\.77\.0\.252:6379 does not answer \(WRONGPASS/);
      await untilHealth('controller', 'unhealthy', unhealthyMs);
      const all = (await logs('controller', 120)).filter((line) => line.includes('WRONGPASS'));
      assert.equal(all.length, 1, all.join('\n'));
      const asked = await compose(['run', '--rm', '-T', '--no-deps', 'cli', 'migrations']);
      assert.match(asked.stderr, /^portkey: Redis at .* does not answer \(WRONGPASS .*; see that it runs/m);
    } finally {
      await writeFile(file, password);
    }
    await composeOk(['restart', 'controller']);
    await untilHealth('controller', 'healthy', 60_000);
  });

  it('with the port: Docker names it', async () => {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(Number(process.env.PORTKEY_PROMETHEUS_PORT ?? 9090), '127.0.0.1', resolve);
    });
    try {
      const { exitCode, stderr } = await up();
      assert.notEqual(exitCode, 0);
      assert.match(stderr, /9090.*(address already in use|port is already allocated)/);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('with the memory: the VM says so, is unhealthy, and nobody makes noise about it', async () => {
    const { exitCode } = await up({ env: { PORTKEY_VM_MEMORY: '900G' } });
    assert.notEqual(exitCode, 0);
    const lines = await logs('vm-a');
    assert.equal(lines.length, 1, lines.join('\n'));
    assert.match(
      lines[0] ?? '',
      /^vm-a: a VM of 900 GiB needs .* are free; .* set PORTKEY_VM_MEMORY to less/,
    );
    const vm = await stateOf('vm-a');
    assert.deepEqual([vm?.state, vm?.health], ['exited', 'unhealthy']);
    await delay(quietMs);
    for (const { service } of await services()) {
      const said = await logs(service, quietMs / 1000);
      assert.ok(
        said.length <= mostLines,
        `${service} said ${said.length} lines:\n${said.slice(-5).join('\n')}`,
      );
    }
  });

  it('with the memory of all VMs together, where each by itself would have it', async () => {
    const { availableBytes } = await readMemory();
    const each = `${Math.floor((0.7 * availableBytes) / 2 ** 20)}M`;
    assert.notEqual((await up({ env: { PORTKEY_VM_MEMORY: each } })).exitCode, 0);
    const said = [...(await logs('vm-a')), ...(await logs('vm-b'))];
    assert.ok(
      said.some((line) => /^vm-[ab]: 2 VMs of .* need .* are free; /.test(line)),
      said.join('\n'),
    );
  });

  it('with the size of a VM: it says how to write one', async () => {
    await up({ env: { PORTKEY_VM_MEMORY: 'much' } });
    assert.match(
      (await logs('vm-a')).join('\n'),
      /^vm-a: 'much' is not a size; write it like 256M, 2G or 4096$/,
    );
  });

  it('with /dev/net/tun: the VM says which module is missing', async () => {
    const { exitCode, stderr } = await runDocker([
      'run',
      '--rm',
      '--cap-drop',
      'ALL',
      '--cap-add',
      'NET_ADMIN',
      '--env',
      'PORTKEY_VM=vm-a',
      'portkey/vm:0.1.0',
    ]);
    assert.deepEqual([exitCode, stderr.trim().split('\n').length], [1, 1]);
    assert.match(stderr, /^vm-a: \/dev\/net\/tun is missing or closed.*modprobe tun/);
  });

  it('with KVM: Docker names the device that is not there, or the VM says that it is of no use', async () => {
    const { exitCode, stderr } = await compose(['up', '--wait', '--no-build', 'vm-a'], {
      files: ['compose.kvm.yaml'],
      timeoutMs: 240_000,
    });
    const said = (await stateOf('vm-a'))?.state === 'exited' ? (await logs('vm-a')).join('\n') : '';
    if (exitCode === 0) console.log('    KVM works on this machine');
    else
      assert.match(
        `${stderr}\n${said}`,
        /\/dev\/(kvm|vhost-net)": no such file|KVM cannot run the guest on this machine \(.*\); leave compose\.kvm\.yaml out/,
      );
  });

  it('was never there after it was taken down: no container, volume or network is left', async () => {
    await down();
    for (const kind of ['container', 'volume', 'network']) {
      const filter = `label=com.docker.compose.project=${project}`;
      const { stdout } = await runDocker([
        kind,
        'ls',
        ...(kind === 'container' ? ['-a'] : []),
        '--quiet',
        '--filter',
        filter,
      ]);
      assert.equal(stdout.trim(), '', `a ${kind} is left`);
    }
  });
});
