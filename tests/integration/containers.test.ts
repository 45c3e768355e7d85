/**
 * Containers through the controller: names and addresses are used once, and a silent VM is not taken for an empty one.
 */
import assert from 'node:assert/strict';

import { systemClock } from '../../libraries/process/index.js';
import type { Sent } from '../../libraries/rpc/index.js';
import { keys } from '../../services/controller/state/keys.js';
import { eventually } from '../support/eventually.js';
import { reportOf, ScriptedCluster } from './support/scripted-cluster.js';

const question = { deadlineMs: 10_000 };

describe('containers', function () {
  this.timeout(20_000);
  let cluster: ScriptedCluster;

  beforeEach(async () => {
    cluster = await ScriptedCluster.start();
    await cluster.startController();
  });

  afterEach(async () => {
    await cluster.stop();
  });

  const run = (vm: string, spec: NonNullable<Sent<'Controller', 'RunContainer'>['spec']>) =>
    cluster.client.call('RunContainer', { vm, spec: { rootfs: '/', command: ['true'], ...spec } }, question);

  /** The restore service of vm-b, until the controller has found it again. */
  async function bringBack(): Promise<void> {
    await cluster.b.restore.start();
    await eventually('vm-b answers', async () => {
      const { problems } = await cluster.client.call('ListContainers', {}, question);
      return problems.length === 0;
    });
  }

  it('get a free address, and a MAC that follows from it', async () => {
    const container = await run('vm-b', { name: 'api' });
    assert.equal(container.ip, '10.77.0.101');
    assert.equal(container.spec?.ip, '10.77.0.101/24');
    assert.equal(container.spec.mac, '02:70:6b:4d:00:65');
    assert.equal(container.spec.network, 'NETWORK_MODE_OWN');
  });

  it('get different addresses when they start at once, until there is none left', async () => {
    const results = await Promise.allSettled(
      ['one', 'two', 'three', 'four'].map((name, i) => run(i % 2 ? 'vm-a' : 'vm-b', { name })),
    );
    const ips = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value.ip] : []));
    assert.deepEqual(ips.sort(), ['10.77.0.101', '10.77.0.102', '10.77.0.103']);
    const refused = results.find((result) => result.status === 'rejected');
    assert.match(String(refused?.reason), /all addresses from 10\.77\.0\.100 to 10\.77\.0\.103 are taken/);
    await cluster.client.call('StopContainer', { name: 'one' }, question);
    assert.equal((await run('vm-a', { name: 'five' })).name, 'five');
  });

  it('of the same name, started at once on two VMs: one starts', async () => {
    const results = await Promise.allSettled([run('vm-a', { name: 'twin' }), run('vm-b', { name: 'twin' })]);
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
    assert.equal(cluster.world.runningOn('twin').length, 1);
    await assert.rejects(run('vm-b', { name: 'web' }), {
      code: 'container-exists',
      message: /'web' exists already, on vm-a/,
    });
  });

  it('can ask for an address, if nobody has it', async () => {
    assert.equal((await run('vm-a', { name: 'api', ip: '10.77.0.150' })).ip, '10.77.0.150');
    await assert.rejects(run('vm-a', { name: 'db', ip: '10.77.0.100' }), {
      code: 'address-taken',
      message: /10\.77\.0\.100 is taken by container 'web'/,
    });
    await assert.rejects(run('vm-a', { name: 'db', ip: 'somewhere' }), { code: 'invalid-argument' });
  });

  it('on their VM’s own network get no address', async () => {
    const container = await run('vm-a', { name: 'plain', network: 'NETWORK_MODE_HOST' });
    assert.deepEqual([container.ip, container.spec?.mac], ['', '']);
  });

  it('that fail to start leave their name and address free', async () => {
    const failure = { kind: 'fail' as const, code: 'runtime-failed' as const, message: 'runc says no' };
    cluster.b.restore.faults.plan('Run', failure);
    await assert.rejects(run('vm-b', { name: 'api' }), { code: 'runtime-failed' });
    assert.equal((await run('vm-b', { name: 'api' })).ip, '10.77.0.101');
  });

  it('are listed over all VMs, with a line for each VM that does not answer', async () => {
    await run('vm-b', { name: 'api' });
    await cluster.b.restore.die();
    const { containers, problems } = await cluster.client.call('ListContainers', {}, question);
    assert.deepEqual(
      containers.map(({ vm, container }) => `${vm}/${container?.name ?? ''}`),
      ['vm-a/web'],
    );
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? '', /^the containers of vm-b are unknown: the restore service of vm-b/);
    await assert.rejects(cluster.client.call('ListContainers', { vm: 'vm-b' }, question), {
      code: 'agent-unavailable',
    });
    await assert.rejects(cluster.client.call('ListContainers', { vm: 'vm-x' }, question), {
      code: 'vm-unknown',
    });
  });

  it('of a silent VM keep their names and addresses', async () => {
    await run('vm-b', { name: 'api' });
    await cluster.b.restore.die();
    await assert.rejects(run('vm-a', { name: 'api' }), {
      code: 'container-exists',
      message: /may exist on vm-b/,
    });
    assert.equal((await run('vm-a', { name: 'db' })).ip, '10.77.0.102');
  });

  it('on a silent VM’s own network keep their names, too', async () => {
    const plain = { name: 'plain', network: 'NETWORK_MODE_HOST' as const };
    await run('vm-b', plain);
    await cluster.b.restore.die();
    await assert.rejects(run('vm-a', plain), {
      code: 'container-exists',
      message: /may exist on vm-b, which does not answer \(it was to start on vm-b\)/,
    });
    await bringBack();
    await cluster.client.call('StopContainer', { name: 'plain' }, question);
    await cluster.b.restore.die();
    assert.equal((await run('vm-a', plain)).name, 'plain');
  });

  it('that have started without a word keep their name and address', async () => {
    cluster.b.restore.faults.plan('Run', { kind: 'die', when: 'after' });
    await assert.rejects(run('vm-b', { name: 'api' }), { code: 'agent-unavailable' });
    await assert.rejects(run('vm-a', { name: 'api' }), {
      code: 'container-exists',
      message: /may exist on vm-b/,
    });
    assert.equal((await run('vm-a', { name: 'db' })).ip, '10.77.0.102');
    await bringBack();
    await assert.rejects(run('vm-a', { name: 'api' }), { message: /exists already, on vm-b/ });
    assert.deepEqual(cluster.world.violations, []);
  });

  it('that have not started, without a word, leave their name free once their VM says so', async () => {
    cluster.b.restore.faults.plan('Run', { kind: 'die' });
    await assert.rejects(run('vm-b', { name: 'api' }), { code: 'agent-unavailable' });
    await assert.rejects(run('vm-a', { name: 'api' }), { code: 'container-exists' });
    await bringBack();
    assert.equal((await run('vm-a', { name: 'api' })).ip, '10.77.0.101');
  });

  it('that were asked for on a VM that is silent already leave their name free', async () => {
    await cluster.b.restore.die();
    await assert.rejects(run('vm-b', { name: 'api' }), { code: 'agent-unavailable' });
    assert.equal((await run('vm-a', { name: 'api' })).ip, '10.77.0.101');
  });

  it('are not started by a controller that stood still until another one may have begun', async () => {
    let stoodStillMs = 0;
    await cluster.endController();
    cluster.clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + stoodStillMs };
    await cluster.startController();
    cluster.proxy.before(keys.addresses, () => {
      stoodStillMs = 120_000;
    });
    await assert.rejects(run('vm-b', { name: 'api' }), {
      code: 'container-busy',
      message: /'api' was not started on vm-b/,
    });
    assert.ok(!cluster.b.calls.includes('Run'));
  });

  it('that more than one VM says it runs are not touched: one of them may lie', async () => {
    cluster.world.add('vm-b', { name: 'web', rootfs: '/', network: 'NETWORK_MODE_HOST' }, 'running');
    const untold = { code: 'container-ambiguous', message: /'web' runs on vm-a and vm-b.*portkey ps/ };
    await assert.rejects(cluster.client.call('StopContainer', { name: 'web' }, question), untold);
    const { outcome, error } = reportOf(await cluster.migrate());
    assert.deepEqual([outcome, error?.code], ['refused', 'container-ambiguous']);
    assert.deepEqual(cluster.world.runningOn('web'), ['vm-a', 'vm-b']);
  });

  it('are stopped wherever they are', async () => {
    await run('vm-b', { name: 'api' });
    await cluster.client.call('StopContainer', { name: 'api' }, question);
    assert.equal(cluster.world.copy('vm-b', 'api'), undefined);
    await assert.rejects(cluster.client.call('StopContainer', { name: 'api' }, question), {
      code: 'container-unknown',
      message: /no container named 'api'; there are web \(vm-a\)/,
    });
  });
});

describe('the cluster', function () {
  this.timeout(20_000);
  let cluster: ScriptedCluster;

  beforeEach(async () => {
    cluster = await ScriptedCluster.start();
    await cluster.startController();
  });

  afterEach(async () => {
    await cluster.stop();
  });

  it('has no problems when all is well', async () => {
    const { redis, vms } = await cluster.client.call('GetCluster', {}, question);
    assert.equal(redis, true);
    assert.deepEqual(
      vms.map(({ name, host, problems }) => ({ name, host, problems })),
      [
        { name: 'vm-a', host: 'host-a', problems: [] },
        { name: 'vm-b', host: 'host-b', problems: [] },
      ],
    );
    assert.equal(vms[0]?.node?.criuVersion, '4.1.1');
    assert.equal(vms[0].relay?.accelerator, 'tcg');
  });

  it('names what is wrong with each VM, and what to do', async () => {
    cluster.a.traits.hypercallChannel = false;
    cluster.a.traits.hypercallDetail = 'share the VM’s memory: memory-backend-file,share=on';
    cluster.b.traits.criuVersion = '3.17.1';
    await cluster.b.checkpoint.die();
    const { vms } = await cluster.client.call('GetCluster', {}, question);
    const [a, b] = vms.map(({ problems }) => problems.join('\n'));
    assert.match(a ?? '', /hypercall channel of vm-a is not ready: .*criu mode only; share the VM’s memory/);
    assert.match(
      a ?? '',
      /no container can move from vm-a to vm-b: CRIU is 4\.1\.1 on vm-a and 3\.17\.1 on vm-b/,
    );
    assert.match(
      b ?? '',
      /the checkpoint service of vm-b at .* does not answer: no container can leave vm-b/,
    );
    assert.equal(vms[1]?.node?.vm, 'vm-b');
  });
});
