/**
 * Relays that are not there where a migration can do without them, and what the report says of the CPU then.
 */
import assert from 'node:assert/strict';

import { eventually } from '../support/eventually.js';
import { reportOf, ScriptedCluster } from './support/scripted-cluster.js';

const question = { deadlineMs: 10_000 };

describe('without a relay', function () {
  this.timeout(30_000);
  let cluster: ScriptedCluster;

  beforeEach(async () => {
    cluster = await ScriptedCluster.start();
    await cluster.startController();
  });

  afterEach(async () => {
    await cluster.stop();
  });

  it('refuses portkey mode, and moves the container in criu mode without figures of that host', async () => {
    await cluster.b.relay.die();
    const refused = reportOf(await cluster.migrate());
    assert.deepEqual([refused.outcome, refused.error?.code], ['refused', 'relay-unavailable']);
    const { outcome, mode, warnings, cpuSeconds } = reportOf(await cluster.migrate({ mode: 'MODE_CRIU' }));
    assert.deepEqual([outcome, mode], ['completed', 'criu']);
    assert.equal(warnings.length, 1);
    assert.match(
      warnings.join(),
      /^the hypervisor-relay of host-b at .* does not answer.*: the report has no CPU figures of host-b$/,
    );
    assert.ok((cpuSeconds.source?.total ?? 0) > 0);
    assert.equal(cpuSeconds.destination, null);
    assert.deepEqual(cluster.world.runningOn('web'), ['vm-b']);
    assert.equal(cluster.world.copies.length, 1);
  });

  it('moves a container in criu mode while both relays hang', async () => {
    for (const { relay } of [cluster.a, cluster.b]) {
      for (const method of ['GetHost', 'ReadCpu', 'CloseSession'])
        relay.faults.plan(method, { kind: 'hang', times: 100 });
    }
    const { outcome, warnings, cpuSeconds } = reportOf(await cluster.migrate({ mode: 'MODE_CRIU' }));
    assert.deepEqual([outcome, warnings.length], ['completed', 2]);
    assert.deepEqual(cpuSeconds, { source: null, destination: null });
  });

  it('is cancelled in criu mode, too, while a relay hangs', async () => {
    cluster.a.relay.faults.plan('GetHost', { kind: 'hang' });
    const running = cluster.migrate({ mode: 'MODE_CRIU' });
    const id = await eventually('the relay was asked', async () => {
      const { migrations } = await cluster.client.call('ListMigrations', {}, question);
      return cluster.a.calls.includes('GetHost') && migrations[0]?.id;
    });
    await cluster.client.call('CancelMigration', { id }, question);
    const { outcome, error, warnings } = reportOf(await running);
    assert.deepEqual([outcome, error?.code, warnings], ['rolled-back', 'cancelled', []]);
    assert.ok(!cluster.b.calls.includes('Prepare'));
    assert.deepEqual(cluster.world.runningOn('web'), ['vm-a']);
  });

  it('keeps the total where a CPU reading between two phases was lost, and says what is counted where', async () => {
    cluster.proxy.before('sending memory', () => cluster.a.relay.faults.plan('ReadCpu', { kind: 'fail' }));
    const { cpuSeconds, warnings } = reportOf(await cluster.migrate());
    assert.equal(cpuSeconds.source?.byPhase.precopy, 0);
    assert.ok(cpuSeconds.source.byPhase.final > 0);
    assert.ok((cpuSeconds.destination?.byPhase.precopy ?? 0) > 0);
    assert.match(
      warnings.join(),
      /a CPU reading of vm-a was lost: what phase precopy used is counted in final$/,
    );
  });
});
