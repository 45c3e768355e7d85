/**
 * A VM is evacuated: every container moves, by a migration of its own, or it is said why it stays.
 */
import assert from 'node:assert/strict';

import type { EvacuationEvent, Sent } from '../../libraries/rpc/index.js';
import { ScriptedCluster } from './support/scripted-cluster.js';

const deadlineMs = 30_000;
/** No agent hangs here, so a busy machine may take its time. */
const patient = { questionMs: 5_000, stepMs: 5_000, undoCallMs: 5_000 };

describe('an evacuation', function () {
  this.timeout(40_000);
  let cluster: ScriptedCluster;

  beforeEach(async () => {
    cluster = await ScriptedCluster.start();
    await arrange();
  });

  async function arrange(): Promise<void> {
    for (const [index, name] of ['cache', 'shop'].entries()) {
      cluster.world.add(
        'vm-a',
        { name, rootfs: '/', network: 'NETWORK_MODE_OWN', ip: `10.77.0.${101 + index}/24` },
        'running',
      );
    }
    await cluster.startController(patient);
  }

  async function withVmC(): Promise<void> {
    await cluster.stop();
    cluster = await ScriptedCluster.start(['vm-c']);
    await arrange();
  }

  afterEach(async () => {
    await cluster.stop();
  });

  async function evacuate(request: Sent<'Controller', 'Evacuate'> = {}): Promise<EvacuationEvent[]> {
    const events: EvacuationEvent[] = [];
    const wish = { vm: 'vm-a', how: { maxDowntimeMs: 1 }, ...request };
    for await (const event of cluster.client.stream('Evacuate', wish, { deadlineMs })) events.push(event);
    return events;
  }

  /** How it ended, by container. */
  function endings(events: readonly EvacuationEvent[]): Record<string, string> {
    return Object.fromEntries(
      events.map(({ container, to, outcome, code }) => [
        container,
        [outcome, to, code].filter(Boolean).join(' '),
      ]),
    );
  }

  function placesOf(): Record<string, string> {
    return Object.fromEntries(
      cluster.world.copies.map(({ vm, spec, state }) => [spec.name, `${vm} ${state}`]),
    );
  }

  it('moves everything off, by the limit of each host, and tells of each migration', async () => {
    const events = await evacuate();
    assert.deepEqual(
      events.slice(0, 3).map(({ container, outcome }) => `${container} ${outcome}`),
      ['cache planned', 'shop planned', 'web planned'],
    );
    assert.deepEqual(endings(events), { cache: 'moved vm-b', shop: 'moved vm-b', web: 'moved vm-b' });
    for (const name of ['cache', 'shop', 'web']) {
      const states = events
        .filter(({ container, event }) => container === name && event?.kind === 'transition')
        .map(({ event }) => event?.state);
      assert.deepEqual([states[0], states.at(-1)], ['pending', 'done']);
    }
    assert.ok(events.some(({ event }) => /^waits: /.test(event?.text ?? '')));
    assert.deepEqual(placesOf(), { cache: 'vm-b running', shop: 'vm-b running', web: 'vm-b running' });
    assert.deepEqual(cluster.world.violations, []);
  });

  it('moves nothing that another VM says it runs, too', async () => {
    await withVmC();
    cluster.world.add('vm-b', { name: 'web', rootfs: '/' }, 'running');
    const events = await evacuate({ to: 'vm-c' });
    assert.deepEqual(endings(events), {
      ...{ cache: 'moved vm-c', shop: 'moved vm-c', web: 'stayed vm-c container-ambiguous' },
    });
    assert.deepEqual(cluster.world.runningOn('web'), ['vm-a', 'vm-b']);
    assert.ok(!cluster.b.calls.includes('Begin'));
  });

  it('takes no container from another VM than the one that is to be empty', async () => {
    await withVmC();
    cluster.proxy.before("migration of container 'web' to vm-c asked for", () => {
      const left = cluster.world.copy('vm-a', 'web');
      assert.ok(left !== undefined);
      cluster.world.remove(left);
      cluster.world.add('vm-b', { name: 'web', rootfs: '/' }, 'running');
    });
    const events = await evacuate({ to: 'vm-c' });
    assert.equal(endings(events).web, 'stayed vm-c container-unknown');
    assert.match(events.at(-1)?.reason ?? '', /'web' is on vm-b, not on vm-a/);
    assert.deepEqual(cluster.world.runningOn('web'), ['vm-b']);
  });

  it('moves nothing to a VM of another group, whatever that has to offer', async () => {
    await withVmC();
    const [stranger] = cluster.more;
    assert.ok(stranger !== undefined);
    stranger.group = 'tenants';
    stranger.traits.memoryAvailableBytes = 2 ** 50;
    await cluster.endController();
    await cluster.startController(patient);
    const moved = { cache: 'moved vm-b', shop: 'moved vm-b', web: 'moved vm-b' };
    assert.deepEqual(endings(await evacuate()), moved);
    assert.ok(!stranger.calls.includes('Prepare'));
    await assert.rejects(evacuate({ vm: 'vm-b', to: 'vm-c' }), { code: 'not-permitted' });
  });

  it('is done at once where the VM is empty', async () => {
    assert.deepEqual(await evacuate({ vm: 'vm-b' }), []);
  });

  it('says what stays and why, and moves the others', async () => {
    const frozen = cluster.world.copy('vm-a', 'cache');
    assert.ok(frozen !== undefined);
    frozen.state = 'frozen';
    cluster.b.restore.faults.plan('Prepare', {
      kind: 'fail',
      code: 'rootfs-missing',
      message: 'scripted: no /srv',
    });
    const events = await evacuate({ how: { maxDowntimeMs: 1, retries: 2 } });
    const stayed = events.filter(({ outcome }) => outcome === 'stayed');
    assert.deepEqual(stayed.map(({ code }) => code).sort(), ['container-not-running', 'rootfs-missing']);
    assert.ok(stayed.some(({ reason }) => reason === 'scripted: no /srv'));
    assert.equal(events.filter(({ outcome }) => outcome === 'moved').length, 1);
    assert.equal(cluster.world.runningOn('shop').length + cluster.world.runningOn('web').length, 2);
  });

  /** With `web` alone on the VM. */
  function empty(): void {
    for (const name of ['cache', 'shop']) {
      const copy = cluster.world.copy('vm-a', name);
      if (copy !== undefined) cluster.world.remove(copy);
    }
  }

  it('says that a container is lost which is gone with its VM', async () => {
    empty();
    cluster.a.checkpoint.faults.plan('Round(last)', { kind: 'die', backAfterMs: 300 });
    cluster.proxy.before('tasks frozen in', () => {
      cluster.a.traits.bootId = 'second';
      cluster.world.lose('vm-a');
    });
    const events = await evacuate();
    assert.deepEqual(endings(events), { web: 'lost vm-b source-lost' });
    assert.match(events.at(-1)?.reason ?? '', /^vm-a was started anew .*start it with: portkey run$/);
  });

  it('does not say that a container stayed which may be frozen there', async () => {
    empty();
    await cluster.endController();
    await cluster.startController({ ...patient, undoPatienceMs: 100 });
    cluster.a.relay.faults.plan('SendImages', { kind: 'fail', code: 'internal' });
    cluster.a.checkpoint.faults.plan('Rollback', { kind: 'fail', times: 1_000 });
    const events = await evacuate();
    assert.deepEqual(endings(events), { web: 'unknown vm-b internal' });
    assert.match(events.at(-1)?.reason ?? '', /container 'web' may still be frozen/);
  });

  it('does not say that a container stayed whose migration Redis has lost', async () => {
    empty();
    cluster.proxy.before('activated', async () => {
      await cluster.redis.kill();
      await cluster.redis.restart({ empty: true });
    });
    const events = await evacuate();
    assert.deepEqual(endings(events), { web: 'unknown vm-b migration-unknown' });
    assert.match(events.at(-1)?.reason ?? '', /'portkey ps' will say$/);
  });

  it('tries again what failed for a reason that may pass', async () => {
    cluster.a.relay.faults.plan('SendImages', { kind: 'fail', code: 'stream-broken', times: 2 });
    const events = await evacuate({ how: { maxDowntimeMs: 1, retries: 2 } });
    assert.deepEqual(endings(events), { cache: 'moved vm-b', shop: 'moved vm-b', web: 'moved vm-b' });
    assert.ok(events.some(({ event }) => /is tried again \(try 2 of 3\)/.test(event?.text ?? '')));
  });

  it('only plans where it is asked to, and touches nothing', async () => {
    cluster.b.traits.memoryAvailableBytes = 70 * 2 ** 20;
    const events = await evacuate({ dryRun: true });
    assert.deepEqual(endings(events), {
      cache: 'planned vm-b',
      shop: 'stayed no-room',
      web: 'stayed no-room',
    });
    assert.ok(!cluster.a.calls.includes('Begin') && !cluster.b.calls.includes('Prepare'));
    const { migrations } = await cluster.client.call('ListMigrations', {}, { deadlineMs });
    assert.deepEqual(migrations, []);
  });

  it('goes to the VM that is named, which must be another one, and answer', async () => {
    assert.deepEqual(Object.values(endings(await evacuate({ to: 'vm-b', dryRun: true }))), [
      ...['planned vm-b', 'planned vm-b', 'planned vm-b'],
    ]);
    await assert.rejects(evacuate({ to: 'vm-a' }), { code: 'invalid-argument' });
    await assert.rejects(evacuate({ to: 'vm-z' }), { code: 'vm-unknown' });
    await assert.rejects(evacuate({ vm: 'vm-z' }), { code: 'vm-unknown' });
    await cluster.b.restore.stop();
    await assert.rejects(evacuate({ to: 'vm-b' }), { code: 'agent-unavailable' });
    assert.deepEqual(Object.values(endings(await evacuate({ dryRun: true }))), [
      ...['stayed vm-unknown', 'stayed vm-unknown', 'stayed vm-unknown'],
    ]);
  });

  it('goes on when its client leaves', async () => {
    const leaving = cluster.client.stream(
      'Evacuate',
      { vm: 'vm-a', how: { maxDowntimeMs: 1 } },
      { deadlineMs },
    );
    for await (const { event } of leaving) if (event?.state === 'precopy') break;
    const { migrations } = await cluster.client.call('ListMigrations', {}, { deadlineMs });
    assert.equal(migrations.length, 3);
    for (const { id } of migrations) {
      let state = '';
      for await (const event of cluster.client.stream('WatchMigration', { id }, { deadlineMs }))
        state = event.state;
      assert.equal(state, 'done');
    }
  });
});
