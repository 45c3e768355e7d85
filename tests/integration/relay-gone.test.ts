/**
 * Relays that are not there: where a migration can do without them, and what the report says of the CPU then; and where it
 * cannot, because pages travel by them.
 */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

import { eventually } from '../support/eventually.js';
import { reportOf, ScriptedCluster } from './support/scripted-cluster.js';
import type { ScriptedProcess } from './support/scripted-process.js';

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

describe('a relay that hangs while pages travel', function () {
  this.timeout(30_000);
  let cluster: ScriptedCluster;

  beforeEach(async () => {
    cluster = await ScriptedCluster.start();
    await cluster.startController({ relayLookMs: 50, stepMs: 20_000 });
  });

  afterEach(async () => {
    await cluster.stop();
  });

  const sourceAgent = ({ a }: ScriptedCluster): ScriptedProcess => a.checkpoint;
  const sourceRelay = ({ a }: ScriptedCluster): ScriptedProcess => a.relay;
  const destinationRelay = ({ b }: ScriptedCluster): ScriptedProcess => b.relay;

  for (const { what, call, of, hangs } of [
    { what: "the source's, in a round", call: 'Round', of: sourceAgent, hangs: sourceRelay },
    { what: "the destination's, in a round", call: 'Round', of: sourceAgent, hangs: destinationRelay },
    { what: "the source's, in the last round", call: 'Round(last)', of: sourceAgent, hangs: sourceRelay },
    {
      ...{ what: "the destination's, while the source's sends images" },
      ...{ call: 'SendImages', of: sourceRelay, hangs: destinationRelay },
    },
    {
      ...{ what: "the source's, while the destination's seals the landing" },
      ...{ call: 'SealLanding', of: destinationRelay, hangs: sourceRelay },
    },
  ]) {
    it(`is noticed long before the step's limit: ${what}`, async () => {
      of(cluster).faults.plan(call, { kind: 'hang', when: 'after' });
      hangs(cluster).faults.plan('GetTransfer', { kind: 'hang' });
      const report = reportOf(await cluster.migrate());
      assert.deepEqual([report.outcome, report.error?.code], ['rolled-back', 'relay-unavailable']);
      assert.match(
        report.error?.message ?? '',
        /^the hypervisor-relay of host-. at .* did not answer in time/,
      );
      assert.ok(report.totalSeconds < 10, `it took ${report.totalSeconds} s`);
      assert.deepEqual(cluster.world.runningOn('web'), ['vm-a']);
      assert.equal(cluster.world.copies.length, 1);
      assert.deepEqual([...cluster.world.sessions], []);
    });
  }

  it('is one that has lost the session, too', async () => {
    sourceAgent(cluster).faults.plan('Round', { kind: 'hang', when: 'after' });
    destinationRelay(cluster).faults.plan('GetTransfer', { kind: 'fail', code: 'session-unknown' });
    const report = reportOf(await cluster.migrate());
    assert.deepEqual([report.outcome, report.error?.code], ['rolled-back', 'session-unknown']);
  });

  it('is asked no more once all has landed', async () => {
    cluster.b.restore.faults.plan('Restore', { kind: 'hang', when: 'after' });
    const asked = (): number =>
      [...cluster.a.calls, ...cluster.b.calls].filter((call) => call === 'GetTransfer').length;
    const running = cluster.migrate();
    const id = await eventually('the restore was asked for', async () => {
      const { migrations } = await cluster.client.call('ListMigrations', {}, question);
      return cluster.b.calls.includes('Restore') && migrations[0]?.id;
    });
    const before = asked();
    await delay(300);
    assert.equal(asked(), before);
    await cluster.client.call('CancelMigration', { id }, question);
    assert.equal(reportOf(await running).error?.code, 'cancelled');
  });

  it('is nothing to a migration in criu mode', async () => {
    Object.assign(cluster.a.traits, { roundMs: 200 });
    const { outcome } = reportOf(await cluster.migrate({ mode: 'MODE_CRIU' }));
    assert.equal(outcome, 'completed');
    assert.ok(![...cluster.a.calls, ...cluster.b.calls].includes('GetTransfer'));
  });
});
