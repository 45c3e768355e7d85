/**
 * A migration as its clients see it: followed, cancelled, refused, counted and remembered.
 */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

import { PortkeyError } from '../../libraries/errors/index.js';
import { eventually } from '../support/eventually.js';
import { allStates, reportOf, ScriptedCluster, statesOf } from './support/scripted-cluster.js';

const question = { deadlineMs: 10_000 };

describe('a migration and its clients', function () {
  this.timeout(20_000);
  let cluster: ScriptedCluster;

  beforeEach(async () => {
    cluster = await ScriptedCluster.start();
    await cluster.startController();
  });

  afterEach(async () => {
    await cluster.stop();
  });

  it('goes on when its client goes away, and lets others watch it from the beginning', async () => {
    cluster.a.traits.roundMs = 200;
    const wish = { container: 'web', to: 'vm-b', mode: 'MODE_PORTKEY' as const };
    let id = '';
    for await (const event of cluster.client.stream('Migrate', wish, question)) {
      id = event.id;
      break;
    }
    const seen = [];
    for await (const event of cluster.client.stream('WatchMigration', { id }, question)) seen.push(event);
    assert.deepEqual(statesOf(seen), ['pending', ...allStates]);
    assert.equal(reportOf(seen).outcome, 'completed');
    assert.deepEqual(cluster.world.runningOn('web'), ['vm-b']);
    const record = await cluster.client.call('GetMigration', { id }, question);
    assert.equal(record.report, seen.at(-1)?.report);
  });

  it('can be cancelled until it is committed, and not after', async () => {
    cluster.a.traits.roundMs = 5_000;
    const running = cluster.migrate();
    const id = await eventually('a migration is in pre-copy', async () => {
      const { migrations } = await cluster.client.call('ListMigrations', {}, question);
      return migrations.find(({ state }) => state === 'precopy')?.id;
    });
    await cluster.client.call('CancelMigration', { id }, question);
    const report = reportOf(await running);
    assert.deepEqual([report.outcome, report.error?.code], ['rolled-back', 'cancelled']);
    assert.deepEqual(cluster.world.runningOn('web'), ['vm-a']);
    assert.equal(cluster.world.copies.length, 1);
    await assert.rejects(cluster.client.call('CancelMigration', { id }, question), { code: 'too-late' });
    await assert.rejects(cluster.client.call('CancelMigration', { id: 'm-none' }, question), {
      code: 'migration-unknown',
    });
  });

  it('is refused while another one has the container', async () => {
    cluster.a.traits.roundMs = 300;
    const first = cluster.migrate();
    await eventually('the first round has begun', () => cluster.a.calls.includes('Round'));
    const second = reportOf(await cluster.migrate());
    assert.deepEqual([second.outcome, second.error?.code], ['refused', 'container-busy']);
    assert.match(second.error?.message ?? '', /is already being migrated \(migration m-.*portkey cancel m-/);
    await assert.rejects(cluster.client.call('StopContainer', { name: 'web' }, question), {
      code: 'container-busy',
    });
    assert.equal(reportOf(await first).outcome, 'completed');
  });

  it('counts migrations without naming them', async () => {
    const report = reportOf(await cluster.migrate());
    const metrics = await cluster.registry.metrics();
    assert.match(metrics, /portkey_migrations_total\{mode="portkey",outcome="completed"\} 1/);
    assert.match(
      metrics,
      /portkey_precopy_decisions_total\{mode="portkey",action="freeze",reason="[a-z-]+"\} 1/,
    );
    assert.match(metrics, /portkey_migration_downtime_seconds_count\{mode="portkey"\} 1/);
    assert.match(metrics, /portkey_precopy_remaining_pages_sum\{mode="portkey"\} 210/);
    assert.match(metrics, /portkey_precopy_predicted_downtime_seconds_count\{mode="portkey"\} 2/);
    assert.ok(!metrics.includes(report.id) && !metrics.includes('web'));
  });

  it('remembers a bounded number of migrations', async () => {
    await cluster.endController();
    await cluster.startController({ keptMigrations: 2 });
    for (const to of ['vm-b', 'vm-a', 'vm-b']) await cluster.migrate({ to });
    await delay(100);
    const { migrations } = await cluster.client.call('ListMigrations', {}, question);
    assert.equal(migrations.length, 2);
    const redis = cluster.redis.connect();
    try {
      assert.equal((await redis.keys('portkey:migration:*')).length, 4);
    } finally {
      redis.disconnect();
    }
  });

  it('takes no nonsense', async () => {
    for (const request of [{ container: 'no/name' }, { batch: 'fixed:0' }, { to: '' }]) {
      await assert.rejects(
        cluster.migrate(request),
        (error) => error instanceof PortkeyError && error.code === 'invalid-argument',
      );
    }
  });
});
