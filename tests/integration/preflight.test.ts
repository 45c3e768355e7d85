/**
 * What preflight refuses: one line that says why, and nothing touched on either side.
 */
import assert from 'node:assert/strict';

import type { ErrorCode } from '../../libraries/errors/index.js';
import type { MigrationEvent, Sent } from '../../libraries/rpc/index.js';
import { reportOf, ScriptedCluster } from './support/scripted-cluster.js';

interface Refusal {
  readonly what: string;
  readonly arrange: (cluster: ScriptedCluster) => unknown;
  readonly request?: Sent<'Controller', 'Migrate'>;
  readonly code: ErrorCode;
  readonly message: RegExp;
}

const refusals: readonly Refusal[] = [
  {
    what: 'an unknown VM',
    arrange: () => undefined,
    request: { to: 'vm-x' },
    code: 'vm-unknown',
    message: /^no VM named 'vm-x'; there are vm-a, vm-b$/,
  },
  {
    what: 'an unknown container',
    arrange: () => undefined,
    request: { container: 'wob' },
    code: 'container-unknown',
    message: /^no container named 'wob'; there are web \(vm-a\)$/,
  },
  {
    what: 'the VM where the container is',
    arrange: () => undefined,
    request: { to: 'vm-a' },
    code: 'same-vm',
    message: /'web' is already on vm-a/,
  },
  {
    what: 'a container that does not run',
    arrange: ({ world }) => world.add('vm-a', { name: 'idle' }, 'frozen'),
    request: { container: 'idle' },
    code: 'container-not-running',
    message: /'idle' on vm-a is paused/,
  },
  {
    what: 'a destination whose CPU lacks features',
    arrange: ({ a }) => a.traits.cpuFeatures.push('avx512f', 'sha_ni'),
    code: 'cpu-features-differ',
    message: /the CPU of vm-b lacks avx512f, sha_ni, which vm-a has/,
  },
  {
    what: 'another version of CRIU',
    arrange: ({ b }) => (b.traits.criuVersion = '3.17.1'),
    code: 'criu-differs',
    message: /CRIU is 4\.1\.1 on vm-a and 3\.17\.1 on vm-b/,
  },
  {
    what: 'a kernel that does not track dirty pages',
    arrange: ({ a }) => (a.traits.softDirty = false),
    code: 'no-soft-dirty',
    message: /the kernel of vm-a .* CONFIG_MEM_SOFT_DIRTY/,
  },
  {
    what: 'a destination whose restore service is not there',
    arrange: ({ b }) => b.restore.die(),
    code: 'agent-unavailable',
    message: /the restore service of vm-b at .* does not answer; see: portkey doctor/,
  },
  {
    what: 'a container that may be on a VM which is not there',
    arrange: ({ a }) => a.restore.die(),
    code: 'agent-unavailable',
    message: /^no container named 'web' on the VMs that answer, and vm-a did not; see: portkey doctor/,
  },
  {
    what: 'a source whose checkpoint service is not there',
    arrange: ({ a }) => a.checkpoint.die(),
    code: 'agent-unavailable',
    message: /the checkpoint service of vm-a at .* does not answer/,
  },
  {
    what: 'a relay that is not there',
    arrange: ({ b }) => b.relay.die(),
    code: 'relay-unavailable',
    message: /the hypervisor-relay of host-b at .* does not answer; see: portkey doctor/,
  },
  {
    what: 'a destination without room for the container',
    arrange: ({ b }) =>
      b.restore.faults.plan('Prepare', { kind: 'fail', code: 'no-room', message: 'no room for web on vm-b' }),
    code: 'no-room',
    message: /no room for web on vm-b/,
  },
  {
    what: 'a destination without the rootfs',
    arrange: ({ b }) =>
      b.restore.faults.plan('Prepare', {
        kind: 'fail',
        code: 'rootfs-missing',
        message: 'no /srv/web on vm-b',
      }),
    code: 'rootfs-missing',
    message: /no \/srv\/web on vm-b/,
  },
  {
    what: 'a landing without room for the pages',
    arrange: ({ b }) =>
      b.relay.faults.plan('OpenLanding', {
        kind: 'fail',
        code: 'no-room',
        message: 'landing of vm-b is full',
      }),
    code: 'no-room',
    message: /landing of vm-b is full/,
  },
  {
    what: 'a container that the source has given to somebody else',
    arrange: ({ world }) => {
      const copy = world.copy('vm-a', 'web');
      if (copy !== undefined) copy.claim = { id: 'm-other', epoch: 1, role: 'source' };
    },
    code: 'container-busy',
    message: /claimed already/,
  },
];

describe('preflight', function () {
  this.timeout(20_000);
  let cluster: ScriptedCluster;

  beforeEach(async () => {
    cluster = await ScriptedCluster.start();
    await cluster.startController();
  });

  afterEach(async () => {
    await cluster.stop();
  });

  for (const { what, arrange, request, code, message } of refusals) {
    it(`refuses ${what}`, async () => {
      await arrange(cluster);
      const before = cluster.world.copies.length;
      const events = await cluster.migrate(request);
      const report = reportOf(events);
      assert.equal(report.outcome, 'refused');
      assert.equal(events.at(-1)?.state, 'refused');
      assert.equal(report.error?.code, code);
      assert.match(report.error.message, message);
      assert.ok(!report.error.message.includes('\n'));
      assert.deepEqual(cluster.world.runningOn('web'), ['vm-a']);
      assert.equal(cluster.world.copies.length, before);
      assert.equal(cluster.world.sessions.size, 0);
      assert.ok(!cluster.a.calls.some((call) => call.startsWith('Round') || call === 'Freeze'));
    });
  }

  async function restartController(): Promise<void> {
    await cluster.endController();
    await cluster.startController();
  }

  it('refuses a VM of another group', async () => {
    cluster.b.group = 'tenants';
    await restartController();
    const { outcome, error } = reportOf(await cluster.migrate());
    assert.deepEqual([outcome, error?.code], ['refused', 'not-permitted']);
    assert.match(error?.message ?? '', /^no container may move from vm-a to vm-b: .* default and tenants$/);
    assert.ok(!cluster.b.calls.includes('Prepare'));
  });

  it('takes no other mode in place of portkey where the configuration says so, and says which would do', async () => {
    cluster.criuMode = 'asked';
    cluster.a.traits.hypercallChannel = false;
    await restartController();
    const { outcome, error } = reportOf(await cluster.migrate());
    assert.deepEqual([outcome, error?.code], ['refused', 'no-hypercall-channel']);
    assert.match(error?.message ?? '', /^vm-a has no hypercall channel: .*; --mode criu sends /);
    assert.equal(reportOf(await cluster.migrate({ mode: 'MODE_CRIU' })).outcome, 'completed');
  });

  it('tries again where the channel is not ready yet, instead of taking the other mode', async () => {
    cluster.criuMode = 'asked';
    cluster.a.traits.hypercallChannel = false;
    await restartController();
    const events: MigrationEvent[] = [];
    await cluster.follow({ retries: 1 }, (event) => {
      events.push(event);
      if (event.state === 'refused') cluster.a.traits.hypercallChannel = true;
    });
    const { outcome, mode } = reportOf(events);
    assert.deepEqual([outcome, mode], ['completed', 'portkey']);
    assert.ok(events.some(({ state }) => state === 'refused'));
  });

  it('refuses criu mode where the configuration never takes it', async () => {
    cluster.criuMode = 'never';
    await restartController();
    const { outcome, error } = reportOf(await cluster.migrate({ mode: 'MODE_CRIU' }));
    assert.deepEqual([outcome, error?.code], ['refused', 'not-permitted']);
    assert.equal(reportOf(await cluster.migrate()).mode, 'portkey');
  });

  it('leaves the container free for the next try', async () => {
    cluster.b.traits.criuVersion = '3.17.1';
    await cluster.migrate();
    cluster.b.traits.criuVersion = '4.1.1';
    assert.equal(reportOf(await cluster.migrate()).outcome, 'completed');
  });
});
