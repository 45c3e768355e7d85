/**
 * Redis dies, hangs or refuses to write while a migration needs it.
 */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

import { asPortkeyError } from '../../libraries/errors/index.js';
import { systemClock } from '../../libraries/process/index.js';
import type { MigrationEvent } from '../../libraries/rpc/index.js';
import type { MigrationReport } from '../../services/controller/report/report.js';
import { MigrationStore, StateStoreConnection } from '../../services/controller/state/index.js';
import { keys } from '../../services/controller/state/keys.js';
import { eventually } from '../support/eventually.js';
import { reportOf, ScriptedCluster } from './support/scripted-cluster.js';

const question = { deadlineMs: 10_000 };

describe('without Redis', function () {
  this.timeout(40_000);
  let cluster: ScriptedCluster;

  beforeEach(async () => {
    cluster = await ScriptedCluster.start();
    await cluster.startController();
  });

  afterEach(async () => {
    cluster.redis.goOn();
    await cluster.stop();
  });

  /** Resolves when `act` has been done, with the commit on its way to Redis. */
  function atCommit(act: () => Promise<void> | void): Promise<void> {
    return new Promise((resolve, reject) => {
      cluster.proxy.before('committed', async () => {
        try {
          await act();
          resolve();
        } catch (error) {
          reject(asPortkeyError(error));
        }
      });
    });
  }

  function assertBothStopped(): void {
    assert.deepEqual(cluster.world.copies.map(({ state }) => state).sort(), ['frozen', 'stopped']);
  }

  function assertCompleted(report: MigrationReport): void {
    assert.equal(report.outcome, 'completed');
    assert.match(report.warnings.join(), /whether the commit came through is unknown/);
    assert.deepEqual(cluster.world.runningOn('web'), ['vm-b']);
    assert.deepEqual(cluster.world.violations, []);
    assert.equal(cluster.world.copies.length, 1);
  }

  /** What `portkey cancel` by way of another controller does. */
  async function abortElsewhere(): Promise<void> {
    const connection = StateStoreConnection.open({ path: cluster.redis.path });
    const store = new MigrationStore(connection, systemClock, 10);
    const [record] = await store.list();
    const { id, container, epoch } = record ?? { id: '', container: '', epoch: 0 };
    const reason = JSON.stringify({ code: 'cancelled', message: 'cancelled elsewhere' });
    await store.step({ id, container, epoch, to: 'aborted', text: 'cancelled', set: { reason } });
    connection.close();
  }

  function untilEnded(id: string): Promise<string> {
    return eventually(
      `migration ${id} has ended`,
      async () => {
        const { state } = await cluster.client.call('GetMigration', { id }, question);
        return ['done', 'rolled-back', 'refused', 'failed'].includes(state) && state;
      },
      20_000,
    );
  }

  it('refuses to begin, within three seconds, and touches nothing', async () => {
    const hindrances: (() => Promise<void> | void)[] = [
      () => cluster.redis.hang(),
      () => cluster.redis.kill(),
    ];
    for (const hinder of hindrances) {
      cluster.a.calls.length = 0;
      await hinder();
      const startMs = performance.now();
      const events = await cluster.migrate();
      assert.ok(performance.now() - startMs < 3_000);
      assert.equal(events.at(-1)?.state, 'refused');
      const { outcome, error } = reportOf(events);
      assert.deepEqual([outcome, error?.code], ['refused', 'state-store-unavailable']);
      assert.match(error?.message ?? '', /^Redis at .* does not answer/);
      assert.deepEqual(cluster.a.calls, []);
      cluster.redis.goOn();
    }
    assert.deepEqual(cluster.world.runningOn('web'), ['vm-a']);
  });

  /** Asks for a container while Redis does not answer, and looks whether it is locked for that when Redis is back. */
  async function assertGivenUp(hinder: () => void, bringBack: () => void): Promise<void> {
    await cluster.endController();
    // So that nothing else is asked meanwhile.
    await cluster.startController({ sweepMs: 60_000 });
    const run = (name: string) =>
      cluster.client.call(
        'RunContainer',
        { vm: 'vm-b', spec: { name, rootfs: '/', command: ['true'] } },
        question,
      );
    // Redis knows the scripts from then on.
    await run('first');
    hinder();
    await assert.rejects(run('api'), { code: 'state-store-unavailable' });
    bringBack();
    await eventually(
      'Redis answers the controller',
      async () => (await cluster.client.call('GetCluster', {}, question)).redis,
    );
    await delay(500);
    const redis = cluster.redis.connect();
    const isLocked = await redis.exists(keys.lock('api'));
    redis.disconnect();
    assert.equal(isLocked, 0, 'what was given up was done later');
  }

  it('does not do later what it has given up while there was no connection', async () => {
    await assertGivenUp(
      () => {
        cluster.redis.hang();
        cluster.proxy.heal();
      },
      () => cluster.redis.goOn(),
    );
  });

  it('does not do again by another connection what it has given up on one that is dead', async () => {
    await assertGivenUp(
      () => cluster.proxy.silence(),
      () => undefined,
    );
  });

  it('leaves no migration behind that Redis recorded without saying so', async () => {
    cluster.redis.hang();
    assert.equal(reportOf(await cluster.migrate()).outcome, 'refused');
    cluster.redis.goOn();
    const report = await eventually('the container is free', async () => {
      const attempt = reportOf(await cluster.migrate());
      return attempt.error?.code !== 'container-busy' && attempt;
    });
    assert.equal(report.outcome, 'completed');
  });

  it('rolls back, and tries again as it said, where Redis did not answer and took the next step all the same', async () => {
    cluster.proxy.before('\r\nprecopy\r\n', () => {
      cluster.proxy.loseAnswers();
      void delay(3_000).then(() => cluster.proxy.heal());
    });
    const events = await cluster.migrate({ retries: 1 });
    const [first, second] = events.filter(({ report }) => report !== '').map((event) => reportOf([event]));
    assert.deepEqual([first?.outcome, first?.error?.code], ['rolled-back', 'state-store-unavailable']);
    assert.deepEqual([second?.id, second?.outcome], [first?.retriedBy, 'completed']);
    const { migrations } = await cluster.client.call('ListMigrations', {}, question);
    assert.deepEqual(
      migrations.map(({ id, state }) => [id, state]),
      [
        [second?.id, 'done'],
        [first?.id, 'rolled-back'],
      ],
    );
    assert.deepEqual(cluster.world.runningOn('web'), ['vm-b']);
    assert.equal(cluster.world.copies.length, 1);
  });

  it('rolls back before the commit, and tells Redis when it is back', async () => {
    cluster.proxy.before('restored', () => cluster.redis.kill());
    const report = reportOf(await cluster.migrate());
    assert.deepEqual([report.outcome, report.error?.code], ['rolled-back', 'state-store-unavailable']);
    assert.deepEqual(cluster.world.runningOn('web'), ['vm-a']);
    assert.equal(cluster.world.copies.length, 1);
    await cluster.redis.restart();
    assert.equal(await untilEnded(report.id), 'rolled-back');
    assert.equal(reportOf(await cluster.migrate()).outcome, 'completed');
  });

  it('keeps both copies stopped while the commit is unanswered, and completes when Redis goes on', async () => {
    const commit = atCommit(() => cluster.redis.hang());
    const running = cluster.migrate();
    await commit;
    await delay(4_000);
    assertBothStopped();
    cluster.redis.goOn();
    assertCompleted(reportOf(await running));
  });

  it('keeps the frozen copy, while the other runs, until Redis knows that it does', async () => {
    cluster.proxy.before('activated', () => cluster.redis.hang());
    const running = cluster.migrate();
    await eventually('web runs on vm-b', () => cluster.world.runningOn('web')[0] === 'vm-b');
    await delay(4_000);
    assert.deepEqual(cluster.world.copies.map(({ state }) => state).sort(), ['frozen', 'running']);
    cluster.redis.goOn();
    const report = reportOf(await running);
    assert.equal(report.outcome, 'completed');
    assert.match(report.warnings.join(), /does not answer .*; the frozen copy on vm-a stays until then/);
    assert.equal(cluster.world.copies.length, 1);
  });

  it('leaves it to the operator where Redis has lost the migration when the container runs', async () => {
    cluster.proxy.before('activated', () => cluster.redis.kill());
    const running = cluster.migrate();
    running.catch(() => undefined);
    await eventually('web runs on vm-b', () => cluster.world.runningOn('web')[0] === 'vm-b');
    await cluster.redis.restart({ empty: true });
    await assert.rejects(running, { code: 'migration-unknown' });
    assert.deepEqual(cluster.world.runningOn('web'), ['vm-b']);
    assert.equal(cluster.world.copies.length, 2);
  });

  it('lets go of a migration whose record is lost and whose copy an operator has rescued', async () => {
    cluster.b.restore.faults.plan('Activate', { kind: 'fail', times: 5 });
    const running = cluster.migrate();
    running.catch(() => undefined);
    await eventually('Activate was called', () => cluster.b.calls.includes('Activate'));
    await cluster.redis.kill();
    await cluster.redis.restart({ empty: true });
    const copy = cluster.world.copy('vm-b', 'web');
    assert.ok(copy);
    copy.claim = undefined;
    await assert.rejects(running, { code: 'migration-unknown' });
  });

  it('completes when the commit was applied and only its answer was lost', async () => {
    const commit = atCommit(() => cluster.proxy.loseAnswers());
    const running = cluster.migrate();
    await commit;
    await delay(3_000);
    assertBothStopped();
    cluster.proxy.heal();
    assertCompleted(reportOf(await running));
  });

  it('asks by another connection where the one that it had is dead', async () => {
    const commit = atCommit(() => cluster.proxy.silence());
    const running = cluster.migrate();
    await commit;
    const startMs = performance.now();
    assertCompleted(reportOf(await running));
    assert.ok(performance.now() - startMs < 6_000);
  });

  it('works on by other connections where all that it had are dead, and keeps those that are not', async () => {
    // The queue waits for jobs by now, which it does for five seconds at a time.
    await delay(7_000);
    const { connections } = cluster.proxy;
    await delay(7_000);
    assert.equal(cluster.proxy.connections, connections, 'a connection was given up that was well');
    cluster.proxy.silence();
    await eventually(
      'a migration completes',
      async () => reportOf(await cluster.migrate()).outcome === 'completed',
      15_000,
    );
  });

  it('has a lock whose answer was lost, and which it asked for again', async () => {
    const wanted = { vm: 'vm-b', spec: { name: 'api', rootfs: '/', command: ['true'] } };
    // Redis knows the script from then on.
    await cluster.client.call(
      'RunContainer',
      { ...wanted, spec: { ...wanted.spec, name: 'first' } },
      question,
    );
    cluster.proxy.before(keys.lock('api'), () => {
      cluster.proxy.loseAnswers();
      void delay(500).then(() => cluster.proxy.heal());
    });
    const container = await cluster.client.call('RunContainer', wanted, question);
    assert.equal(container.name, 'api');
  });

  it('rolls back where a cancel by way of another controller came just before the commit', async () => {
    const commit = atCommit(abortElsewhere);
    const report = reportOf(await cluster.migrate());
    await commit;
    assert.deepEqual([report.outcome, report.error?.code], ['rolled-back', 'cancelled']);
    assert.deepEqual(cluster.world.runningOn('web'), ['vm-a']);
    assert.equal(cluster.world.copies.length, 1);
  });

  it('rolls back where Redis has lost the migration before the commit', async () => {
    cluster.proxy.before('restored', async () => {
      await cluster.redis.kill();
      await cluster.redis.restart({ empty: true });
    });
    const report = reportOf(await cluster.migrate());
    assert.equal(report.outcome, 'rolled-back');
    assert.deepEqual(cluster.world.runningOn('web'), ['vm-a']);
    assert.equal(cluster.world.copies.length, 1);
  });

  it('keeps both copies for an operator to choose where Redis has lost the migration from the commit on', async () => {
    const events: MigrationEvent[] = [];
    const commit = atCommit(() => cluster.redis.kill());
    const running = cluster.follow({}, (event) => events.push(event));
    running.catch(() => undefined);
    await commit;
    await delay(500);
    assertBothStopped();
    await cluster.redis.restart({ empty: true });
    await assert.rejects(running, { code: 'migration-unknown' });
    assert.match(
      events.at(-1)?.text ?? '',
      /both copies .* stay as they are, and one can be chosen: portkey rescue web$/,
    );
    assertBothStopped();
    await cluster.client.call('RescueContainer', { container: 'web', keep: 'vm-b' }, question);
    assert.deepEqual(cluster.world.runningOn('web'), ['vm-b']);
    assert.equal(cluster.world.copies.length, 1);
  });

  it('rolls back where Redis refuses to write the commit', async () => {
    const commit = atCommit(async () => {
      const redis = cluster.redis.connect();
      await redis.config('SET', 'maxmemory', '1');
      redis.disconnect();
    });
    const report = reportOf(await cluster.migrate());
    await commit;
    assert.deepEqual([report.outcome, report.error?.code], ['rolled-back', 'state-store-unavailable']);
    assert.match(report.error?.message ?? '', /refused a command \(OOM/);
    assert.deepEqual(cluster.world.runningOn('web'), ['vm-a']);
  });

  it('says whether Redis keeps what it is told', async () => {
    const isVolatile = async (): Promise<boolean> =>
      (await cluster.client.call('GetCluster', {}, question)).redisVolatile;
    assert.equal(await isVolatile(), false);
    await cluster.redis.kill();
    await cluster.redis.restart({ isVolatile: true });
    assert.equal(await isVolatile(), true);
  });

  it('says so to whoever asks', async () => {
    await cluster.redis.kill();
    const { redis, redisVolatile } = await cluster.client.call('GetCluster', {}, question);
    assert.deepEqual([redis, redisVolatile], [false, false]);
    await assert.rejects(cluster.client.call('ListMigrations', {}, question), {
      code: 'state-store-unavailable',
    });
  });
});
