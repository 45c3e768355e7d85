/**
 * What a migration that has ended still owes, because an agent was away for longer than the controller waited: it is
 * in Redis, so that it is done although the controller ends before the agent is back.
 */
import assert from 'node:assert/strict';

import type { MigrationEvent } from '../../libraries/rpc/index.js';
import { keys } from '../../services/controller/state/keys.js';
import { eventually } from '../support/eventually.js';
import { reportOf, ScriptedCluster } from './support/scripted-cluster.js';
import type { ScriptedProcess } from './support/scripted-process.js';

const question = { deadlineMs: 10_000 };

describe('what an ended migration owes', function () {
  this.timeout(30_000);
  let cluster: ScriptedCluster;

  beforeEach(async () => {
    cluster = await ScriptedCluster.start();
    await startController();
  });

  afterEach(async () => {
    await cluster.stop();
  });

  const startController = (): Promise<void> => cluster.startController({ undoPatienceMs: 100 });

  async function field(id: string, name: string): Promise<string | null> {
    const redis = cluster.redis.connect();
    const value = await redis.hget(keys.migration(id), name);
    redis.disconnect();
    return value;
  }

  async function storyOf(id: string): Promise<MigrationEvent[]> {
    const events: MigrationEvent[] = [];
    for await (const event of cluster.client.stream('WatchMigration', { id }, question)) events.push(event);
    return events;
  }

  const untilSettled = (id: string): Promise<boolean> =>
    eventually(`${id} owes nothing`, async () => (await field(id, 'owed')) === null);

  /** Ends the controller, starts another, then `agent`, and waits until that has been made use of. */
  async function restartAround(agent: ScriptedProcess, id: string, epoch = 2): Promise<void> {
    const before = await storyOf(id);
    await cluster.endController();
    await startController();
    await agent.start();
    await untilSettled(id);
    assert.deepEqual(await storyOf(id), before, 'the story is another one afterwards');
    assert.equal(await field(id, 'epoch'), String(epoch));
  }

  async function frozenSeconds(): Promise<number> {
    const text = await cluster.registry.metrics();
    return Number(/^portkey_migration_frozen_seconds (\S+)$/m.exec(text)?.[1]);
  }

  function assertSettled(on: string): void {
    assert.deepEqual(cluster.world.runningOn('web'), [on]);
    assert.equal(cluster.world.copies.length, 1, 'a copy was left behind');
    assert.equal(cluster.world.copies[0]?.claim, undefined, 'the container is still claimed');
    assert.deepEqual([...cluster.world.sessions], []);
    assert.deepEqual(cluster.world.violations, []);
  }

  it('is the thaw of a container whose source was away across a restart', async () => {
    cluster.a.checkpoint.faults.plan('Dump', { kind: 'die' });
    const { id, outcome } = reportOf(await cluster.migrate());
    assert.equal(outcome, 'failed');
    assert.equal(await field(id, 'owed'), "the claim on 'web' on vm-a");
    assert.deepEqual(cluster.world.runningOn('web'), []);
    assert.ok((await frozenSeconds()) > 0, 'it is frozen, though its migration has ended');
    await cluster.endController();
    await startController();
    const waited = await eventually('the next controller counts on', async () => {
      const seconds = await frozenSeconds();
      return seconds > 0 && seconds;
    });
    assert.ok(waited > 0);
    await restartAround(cluster.a.checkpoint, id, 3);
    assert.equal(await frozenSeconds(), 0);
    assertSettled('vm-a');
    assert.equal(
      await field(id, 'state'),
      'rolled-back',
      'it runs where it ran, and nothing is left of the attempt',
    );
    assert.match((await field(id, 'report')) ?? '', /"outcome":"rolled-back"/);
    assert.equal(reportOf(await cluster.migrate()).outcome, 'completed');
  });

  it('is nothing that a controller says while it stops: the next one goes on, and says how it ended', async () => {
    await cluster.endController();
    await cluster.startController();
    cluster.a.checkpoint.faults.plan('Dump', { kind: 'die' });
    const migrating = cluster.migrate({ retries: 1 }).catch(() => []);
    await eventually('it is undone', () => cluster.b.calls.includes('Discard'));
    const { migrations } = await cluster.client.call('ListMigrations', {}, question);
    const id = migrations[0]?.id ?? '';
    await cluster.endController();
    await migrating;
    assert.equal(await field(id, 'state'), 'aborted');
    assert.equal(await field(id, 'owed'), null);
    await cluster.a.checkpoint.start();
    await startController();
    await eventually('it has ended', async () => (await field(id, 'state')) === 'rolled-back');
    assert.deepEqual(cluster.world.runningOn('web'), ['vm-a']);
  });

  it('leaves a failure a failure where the source was started anew, whichever run finds that', async () => {
    cluster.a.checkpoint.faults.plan('Dump', { kind: 'die' });
    const { id, outcome } = reportOf(await cluster.migrate());
    assert.equal(outcome, 'failed');
    cluster.a.traits.bootId = 'second';
    cluster.world.lose('vm-a');
    await restartAround(cluster.a.checkpoint, id);
    assert.deepEqual(cluster.world.copies, []);
    assert.equal(await field(id, 'state'), 'failed');
    assert.match((await field(id, 'report')) ?? '', /"outcome":"failed"/);
    assert.match(
      (await field(id, 'report')) ?? '',
      /"error":{"code":"source-lost","message":"vm-a was started anew /,
    );
  });

  it('is the frozen copy of a completed migration', async () => {
    cluster.a.checkpoint.faults.plan('Finish', { kind: 'die' });
    const { id, outcome } = reportOf(await cluster.migrate());
    assert.equal(outcome, 'completed');
    assert.equal(await field(id, 'owed'), "the frozen copy of 'web' on vm-a");
    await restartAround(cluster.a.checkpoint, id);
    assertSettled('vm-b');
  });

  it('is the frozen copy also of one that was completed before activations were recorded', async () => {
    cluster.a.checkpoint.faults.plan('Finish', { kind: 'die' });
    const { id } = reportOf(await cluster.migrate());
    const redis = cluster.redis.connect();
    await redis.hdel(keys.migration(id), 'activatedAt');
    redis.disconnect();
    await restartAround(cluster.a.checkpoint, id);
    assertSettled('vm-b');
  });

  it('is the copy at the destination of one that was rolled back', async () => {
    cluster.b.restore.faults.plan('Restore', { kind: 'die' });
    const { id, outcome } = reportOf(await cluster.migrate());
    assert.equal(outcome, 'rolled-back');
    await restartAround(cluster.b.restore, id);
    assertSettled('vm-a');
  });

  it('is the claim of one that was refused', async () => {
    cluster.a.relay.faults.plan('OpenStream', { kind: 'fail' });
    cluster.a.checkpoint.faults.plan('Rollback', { kind: 'die' });
    const { id, outcome } = reportOf(await cluster.migrate());
    assert.equal(outcome, 'refused');
    await restartAround(cluster.a.checkpoint, id);
    assertSettled('vm-a');
  });

  it('is paid off by the run that left it, too, and then left alone', async () => {
    cluster.a.checkpoint.faults.plan('Dump', { kind: 'die', backAfterMs: 600 });
    const { id } = reportOf(await cluster.migrate());
    await untilSettled(id);
    assertSettled('vm-a');
    await cluster.endController();
    cluster.a.calls.length = 0;
    await startController();
    assert.equal(reportOf(await cluster.migrate()).outcome, 'completed');
    assert.ok(!cluster.a.calls.includes('Rollback'));
    assert.equal(await field(id, 'epoch'), '1');
  });

  it('is stored late, and settled, where Redis was gone at the end', async () => {
    cluster.proxy.before('restored', () => cluster.redis.kill());
    cluster.b.restore.faults.plan('Discard', { kind: 'die', backAfterMs: 600 });
    const { id, outcome } = reportOf(await cluster.migrate());
    assert.equal(outcome, 'rolled-back');
    await eventually('the copy at the destination is gone', () => cluster.world.copies.length === 1);
    await cluster.redis.restart();
    await eventually('Redis knows the end', async () => (await field(id, 'state')) === 'rolled-back');
    await untilSettled(id);
    assertSettled('vm-a');
  });
});
