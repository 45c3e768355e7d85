/**
 * Several controllers of one Redis: they share the work, take over what one of them cannot go on with, and it makes no
 * difference to a client which of them it speaks to.
 */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

import { asPortkeyError } from '../../libraries/errors/index.js';
import type { MigrationEvent } from '../../libraries/rpc/index.js';
import type { MigrationReport } from '../../services/controller/report/report.js';
import { keys } from '../../services/controller/state/keys.js';
import { eventually } from '../support/eventually.js';
import {
  allStates,
  reportOf,
  ScriptedCluster,
  statesOf,
  type AnotherController,
} from './support/scripted-cluster.js';

const question = { deadlineMs: 10_000 };
/** In earnest a controller is missed after ten seconds. */
const soonMissed = { jobLockMs: 1_200, stalledMs: 300 };
/** Where no agent hangs, a busy machine may take its time. */
const patient = { questionMs: 5_000, stepMs: 5_000, undoCallMs: 5_000 };

describe('several controllers', function () {
  this.timeout(60_000);
  let cluster: ScriptedCluster;

  beforeEach(async () => {
    cluster = await ScriptedCluster.start();
  });

  afterEach(async () => {
    await cluster.stop();
  });

  function addContainers(...names: string[]): void {
    for (const [index, name] of names.entries()) {
      cluster.world.add(
        'vm-a',
        { name, rootfs: '/', network: 'NETWORK_MODE_OWN', ip: `10.77.0.${101 + index}/24` },
        'running',
      );
    }
  }

  function idIn(state: string): Promise<string> {
    return eventually(`a migration is in ${state}`, async () => {
      const { migrations } = await cluster.client.call('ListMigrations', {}, question);
      return migrations.find((migration) => migration.state === state)?.id;
    });
  }

  function ending(id: string): Promise<MigrationReport> {
    return eventually(
      `migration ${id} has ended`,
      async () => {
        const { report } = await cluster.client.call('GetMigration', { id }, question);
        return report !== '' && (JSON.parse(report) as MigrationReport);
      },
      30_000,
    );
  }

  function assertOneCopy(on: string): void {
    assert.deepEqual(cluster.world.runningOn('web'), [on]);
    assert.equal(cluster.world.copies.length, 1, 'a copy was left behind');
    assert.equal(cluster.world.copies[0]?.claim, undefined, 'the container is still claimed');
    assert.deepEqual([...cluster.world.sessions], []);
    assert.deepEqual(cluster.world.violations, []);
  }

  async function keysLeft(): Promise<string[]> {
    const redis = cluster.redis.connect();
    const all = await redis.keys('*');
    redis.disconnect();
    return all.sort();
  }

  it('share the work, and either tells of it to its end', async () => {
    await cluster.startController(patient);
    const other = await cluster.another({ limits: patient });
    const haveBothWorked = async (): Promise<boolean> => {
      const metrics = await Promise.all([cluster.registry.metrics(), other.registry.metrics()]);
      return metrics.every((text) =>
        /portkey_migrations_total\{mode="portkey",outcome="completed"\} [1-9]/.test(text),
      );
    };
    // Who gets a job is chance.
    for (let pair = 0; pair < 4 || !(await haveBothWorked()); pair++) {
      assert.ok(pair < 40, 'one of them never gets a job');
      const client = pair % 2 === 0 ? cluster.client : other.client;
      for (const to of ['vm-b', 'vm-a'])
        assert.deepEqual(statesOf(await cluster.migrate({ to }, client)), ['pending', ...allStates]);
    }
    assertOneCopy('vm-a');
  });

  it('let a migration be followed and cancelled by way of another than the one that works on it', async () => {
    cluster.a.traits.roundMs = 5_000;
    await cluster.startController();
    const running = cluster.migrate();
    const id = await idIn('precopy');
    const other = await cluster.another();
    const seen: MigrationEvent[] = [];
    const watching = (async () => {
      for await (const event of other.client.stream('WatchMigration', { id }, question)) seen.push(event);
    })();
    const startMs = performance.now();
    await other.client.call('CancelMigration', { id }, question);
    const report = reportOf(await running);
    assert.ok(performance.now() - startMs < 1_500, 'it was noticed only when the round had ended');
    assert.deepEqual([report.outcome, report.error?.code], ['rolled-back', 'cancelled']);
    await watching;
    assert.deepEqual(statesOf(seen), ['pending', 'preflight', 'precopy', 'aborted', 'rolled-back']);
    assert.equal(reportOf(seen).id, id);
    assertOneCopy('vm-a');
  });

  it('end what one of them has not gone on with because it was killed', async () => {
    const other = await cluster.anotherProcess();
    cluster.a.traits.roundMs = 5_000;
    const running = cluster.migrate({}, other.client).catch(() => undefined);
    await eventually('the first round has begun', () => cluster.a.calls.includes('Round'));
    await cluster.startController();
    const id = await idIn('precopy');
    other.child?.kill('SIGKILL');
    const killedMs = performance.now();
    const report = await ending(id);
    assert.ok(performance.now() - killedMs < 15_000);
    assert.deepEqual([report.outcome, report.recovered], ['rolled-back', true]);
    assert.equal(report.error?.code, 'service-unavailable');
    await running;
    assertOneCopy('vm-a');
  });

  it('end what one has committed and was paused in, which does no harm when it goes on', async () => {
    const other = await cluster.anotherProcess();
    cluster.b.restore.faults.plan('Activate', { kind: 'hang' });
    const running = cluster.migrate({}, other.client).catch(() => undefined);
    await eventually('Activate was called', () => cluster.b.calls.includes('Activate'));
    other.child?.kill('SIGSTOP');
    await cluster.startController();
    const id = await idIn('committed');
    assert.equal((await ending(id)).outcome, 'completed');
    assertOneCopy('vm-b');
    other.child?.kill('SIGCONT');
    await running;
    await delay(1_000);
    assertOneCopy('vm-b');
    assert.equal((await ending(id)).outcome, 'completed');
    assert.equal(reportOf(await cluster.migrate({ to: 'vm-a' }, other.client)).outcome, 'completed');
    assertOneCopy('vm-a');
  });

  it('end what one was paused in before the commit, and go on telling of it', async () => {
    await cluster.startController();
    const other = await cluster.anotherProcess();
    cluster.a.traits.roundMs = 3_000;
    // So that the other one has the job, and the client speaks to this one.
    await cluster.endController();
    const first = cluster.migrate({}, other.client).catch(() => []);
    await eventually('the first round has begun', () => cluster.a.calls.includes('Round'));
    await cluster.startController();
    const id = await idIn('precopy');
    other.child?.kill('SIGSTOP');
    const seen: MigrationEvent[] = [];
    for await (const event of cluster.client.stream('WatchMigration', { id }, { deadlineMs: 30_000 })) {
      seen.push(event);
    }
    assert.equal(reportOf(seen).outcome, 'rolled-back');
    assert.ok(seen.some(({ text }) => text === 'another controller takes over'));
    other.child?.kill('SIGCONT');
    // The one that was paused tells its client, too, how the other one has ended it.
    assert.equal(reportOf(await first).outcome, 'rolled-back');
    assertOneCopy('vm-a');
  });

  /** Cuts a controller off from Redis when `marker` is on its way there; returns how that ends. */
  function cutOff({ proxy }: AnotherController, marker: string): () => void {
    let goOn: () => void = () => undefined;
    const healed = new Promise<void>((resolve) => (goOn = resolve));
    proxy.before(marker, () => {
      proxy.cut();
      return healed;
    });
    return () => {
      goOn();
      proxy.join();
    };
  }

  it('take over from one that is cut off from Redis, whose commit comes too late then', async () => {
    const other = await cluster.another({ limits: soonMissed });
    const heal = cutOff(other, 'committed');
    const running = cluster.migrate({}, other.client).catch(() => []);
    await eventually('the copy at the destination is restored', () => cluster.b.calls.includes('Restore'));
    await cluster.startController(soonMissed);
    const id = await idIn('restored');
    assert.equal((await ending(id)).outcome, 'rolled-back');
    assertOneCopy('vm-a');
    heal();
    await running;
    await delay(500);
    assertOneCopy('vm-a');
    assert.equal(reportOf(await cluster.migrate({}, other.client)).outcome, 'completed');
  });

  it('name the same next try, the one that was cut off and the one that took over', async () => {
    const limits = { ...patient, ...soonMissed };
    const other = await cluster.another({ limits });
    const heal = cutOff(other, 'restored');
    const running = cluster.migrate({ retries: 1 }, other.client);
    running.catch(() => undefined);
    await eventually('the copy at the destination is restored', () => cluster.b.calls.includes('Restore'));
    await cluster.startController(limits);
    const { retriedBy } = await ending(await idIn('landed'));
    heal();
    const tries = (await running).filter(({ report }) => report !== '').map((event) => reportOf([event]));
    assert.deepEqual(
      [tries[0]?.retriedBy, tries[1]?.id, tries[1]?.outcome],
      [retriedBy, retriedBy, 'completed'],
    );
    assertOneCopy('vm-b');
  });

  /** Begins a migration by way of one that is cut off just when it is about to begin with it. */
  async function cutOffBeforeItBegins(other: AnotherController): Promise<() => void> {
    // Redis has its scripts after these: what waited for it is done at once then, however often it was sent.
    for (const to of ['vm-b', 'vm-a']) await cluster.migrate({ to }, other.client);
    cluster.a.calls.length = 0;
    const heal = cutOff(other, 'another controller takes over');
    cluster.migrate({}, other.client).catch(() => undefined);
    await eventually('it has its place on the hosts', async () => {
      return (await keysLeft()).includes(keys.host('host-b'));
    });
    return heal;
  }

  it('begin with what one had not begun with when it was cut off, which leaves it alone then', async () => {
    const limits = { ...patient, ...soonMissed };
    const other = await cluster.another({ limits });
    const heal = await cutOffBeforeItBegins(other);
    cluster.a.traits.roundMs = 2_000;
    await cluster.startController(limits);
    const id = await idIn('precopy');
    heal();
    assert.equal((await ending(id)).outcome, 'completed');
    assertOneCopy('vm-b');
  });

  it('begin once with what one process gets twice, and keep its job', async () => {
    const limits = { ...patient, ...soonMissed };
    const other = await cluster.another({ limits });
    const heal = await cutOffBeforeItBegins(other);
    // Longer than it has the job for without being heard of.
    await delay(5_000);
    cluster.a.traits.roundMs = 4_000;
    heal();
    await eventually('the first round has begun', () => cluster.a.calls.includes('Round'), 15_000);
    await cluster.startController(limits);
    const id = await idIn('precopy');
    assert.equal((await ending(id)).outcome, 'completed');
    const redis = cluster.redis.connect();
    assert.equal(await redis.hget(keys.migration(id), 'epoch'), '1');
    redis.disconnect();
    assert.match(await other.registry.metrics(), /portkey_migrations_running 0/);
    assertOneCopy('vm-b');
  });

  for (const isLost of [false, true]) {
    const what = isLost ? ' and lost' : '';
    it(`take over from one that is cut off when the copy runs${what}, which removes nothing then`, async () => {
      const other = await cluster.another({ limits: soonMissed });
      const heal = cutOff(other, 'activated');
      const running = cluster.migrate({}, other.client).catch(() => []);
      await eventually('web runs on vm-b', () => cluster.world.runningOn('web')[0] === 'vm-b');
      if (isLost) {
        cluster.b.traits.bootId = 'second';
        cluster.world.lose('vm-b');
      }
      await cluster.startController(soonMissed);
      const id = await idIn('committed');
      const { outcome, error } = await ending(id);
      const expected = isLost
        ? ['rolled-back', 'destination-lost', 'vm-a']
        : ['completed', undefined, 'vm-b'];
      assert.deepEqual([outcome, error?.code, ...cluster.world.runningOn('web')], expected);
      heal();
      await running;
      await delay(500);
      assertOneCopy(isLost ? 'vm-a' : 'vm-b');
    });
  }

  it('pay off what is owed, one at a time, the other one when the first has ended', async () => {
    const other = await cluster.another({ limits: { undoPatienceMs: 100 } });
    cluster.a.checkpoint.faults.plan('Finish', { kind: 'die' });
    const { id, outcome } = reportOf(await cluster.migrate({}, other.client));
    assert.equal(outcome, 'completed');
    await cluster.startController({ undoPatienceMs: 100 });
    await delay(1_000);
    const redis = cluster.redis.connect();
    assert.equal(await redis.hget(keys.migration(id), 'epoch'), '1', 'two of them are at it');
    await other.stop();
    await eventually(
      'the other one is at it',
      async () => (await redis.hget(keys.migration(id), 'epoch')) === '2',
    );
    await cluster.a.checkpoint.start();
    await eventually('nothing is owed', async () => (await redis.hget(keys.migration(id), 'owed')) === null);
    redis.disconnect();
    assertOneCopy('vm-b');
  });

  /** How many containers migrate at once, at most, from now on. */
  function mostLeaving(): Disposable & { readonly most: number } {
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, cluster.world.copies.filter(({ claim }) => claim?.role === 'source').length);
    }, 5);
    return {
      get most() {
        return most;
      },
      [Symbol.dispose]: () => clearInterval(watch),
    };
  }

  it('keep to the limit of each host together, and say what a migration waits for', async () => {
    addContainers('c1', 'c2', 'c3', 'c4', 'c5');
    cluster.a.traits.roundMs = 200;
    await cluster.startController(patient, 2);
    const other = await cluster.another({ limits: patient, migrationsPerHost: 2 });
    using leaving = mostLeaving();
    const stories = await Promise.all(
      ['web', 'c1', 'c2', 'c3', 'c4', 'c5'].map((container, index) =>
        cluster.migrate({ container }, index % 2 === 0 ? cluster.client : other.client),
      ),
    );
    for (const story of stories) assert.equal(reportOf(story).outcome, 'completed');
    assert.equal(leaving.most, 2);
    const waiting = stories.filter((story) =>
      story.some(
        ({ state, text }) =>
          state === 'pending' && /^waits: host-[ab] takes part in 2 at a time, which are m-/.test(text),
      ),
    );
    assert.equal(waiting.length, 4);
  });

  it('ask once for all that wait where their containers are', async () => {
    const names = ['c1', 'c2', 'c3', 'c4', 'c5'];
    addContainers(...names);
    cluster.a.traits.roundMs = 100;
    cluster.a.traits.listMs = 150;
    await cluster.startController(patient, 1);
    const stories = await Promise.all(names.map((container) => cluster.migrate({ container })));
    for (const story of stories) assert.equal(reportOf(story).outcome, 'completed');
    // Theirs, and that of the one that runs.
    assert.ok(cluster.a.lists.most <= 2, `${cluster.a.lists.most} asked at once`);
  });

  it('begin with none before they know which hosts it is to have a place on', async () => {
    addContainers('c1');
    cluster.a.traits.roundMs = 800;
    await cluster.startController({ ...patient, questionMs: 700 }, 1);
    const first = cluster.migrate();
    await idIn('precopy');
    using leaving = mostLeaving();
    cluster.a.restore.faults.plan('List', { kind: 'hang' });
    const second = cluster.migrate({ container: 'c1' });
    const id = await idIn('pending');
    await eventually(
      'c1 has begun',
      async () => (await cluster.client.call('GetMigration', { id }, question)).state !== 'pending',
      20_000,
    );
    const [web, c1] = [reportOf(await first), reportOf(await second)];
    assert.deepEqual([web.outcome, c1.outcome], ['completed', 'completed']);
    assert.equal(leaving.most, 1);
    assert.ok(
      (await second).some(
        ({ state, text }) =>
          state === 'pending' &&
          /^waits: no container named 'c1' on the VMs that answer, and vm-a did not/.test(text),
      ),
    );
  });

  it('cancel one that waits for its host at once', async () => {
    addContainers('c1');
    cluster.a.traits.roundMs = 3_000;
    await cluster.startController({ ...patient, slotPollMs: 20_000 }, 1);
    const first = cluster.migrate();
    const id = await idIn('precopy');
    const second = cluster.migrate({ container: 'c1' });
    const waiting = await idIn('pending');
    await eventually('it says that it waits', async () => {
      const redis = cluster.redis.connect();
      const events = JSON.stringify(await redis.xrange(keys.events(waiting), '-', '+'));
      redis.disconnect();
      return events.includes('waits: host-a');
    });
    await cluster.client.call('CancelMigration', { id: waiting }, question);
    const report = reportOf(await second);
    assert.deepEqual([report.outcome, report.error?.code], ['rolled-back', 'cancelled']);
    assert.equal(cluster.a.calls.filter((call) => call === 'Begin').length, 1);
    await cluster.client.call('CancelMigration', { id }, question);
    await first;
  });

  it('try again for a reason that may pass, and say so on both sides', async () => {
    cluster.a.relay.faults.plan('SendImages', {
      kind: 'fail',
      code: 'stream-broken',
      message: 'scripted: cut',
      times: 2,
    });
    await cluster.startController(patient);
    const other = await cluster.another({ limits: patient });
    const events = await cluster.migrate({ retries: 3 }, other.client);
    const reports = events.filter(({ report }) => report !== '').map((event) => reportOf([event]));
    assert.deepEqual(
      reports.map(({ outcome }) => outcome),
      ['rolled-back', 'rolled-back', 'completed'],
    );
    const ids = reports.map(({ id }) => id);
    assert.deepEqual(
      reports.map(({ retryOf }) => retryOf),
      [null, ids[0], ids[1]],
    );
    assert.deepEqual(
      reports.map(({ retriedBy }) => retriedBy),
      [ids[1], ids[2], null],
    );
    const beginnings = events.filter(({ state, kind }) => state === 'pending' && kind === 'transition');
    assert.match(beginnings[1]?.text ?? '', /tried again \(try 2 of 4\) after m-.*: rolled back, .* cut$/);
    assert.match(beginnings[2]?.text ?? '', /tried again \(try 3 of 4\)/);
    await assert.rejects(cluster.client.call('CancelMigration', { id: ids[0] ?? '' }, question), {
      code: 'too-late',
      message: new RegExp(`it is tried again as ${ids[1] ?? ''}$`),
    });
    assertOneCopy('vm-b');
  });

  it('try again no more often than asked, nor what would fail again, nor what was cancelled', async () => {
    await cluster.startController(patient);
    cluster.a.relay.faults.plan('SendImages', { kind: 'fail', code: 'stream-broken', times: 9 });
    const tries = (await cluster.migrate({ retries: 2 })).filter(({ report }) => report !== '');
    assert.equal(tries.length, 3);
    assert.equal(reportOf(tries).retriedBy, null);
    cluster.a.relay.faults.plan('SendImages', { kind: 'fail', code: 'internal' });
    assert.equal((await cluster.migrate({ retries: 2 })).filter(({ report }) => report !== '').length, 1);
    cluster.a.traits.roundMs = 5_000;
    const running = cluster.migrate({ retries: 2 });
    await cluster.client.call('CancelMigration', { id: await idIn('precopy') }, question);
    assert.equal((await running).filter(({ report }) => report !== '').length, 1);
    assertOneCopy('vm-a');
  });

  it('find a migration that was recorded by one that did not live to put it into the queue', async () => {
    const other = await cluster.anotherProcess();
    other.proxy.before('"waitsFor"', async () => {
      await other.stop();
      // What it was about to send is lost with it.
      await new Promise(() => undefined);
    });
    await cluster.migrate({}, other.client).catch(() => undefined);
    await cluster.startController(patient);
    const report = await ending(await idIn('pending'));
    assert.deepEqual([report.outcome, report.error?.code], ['rolled-back', 'service-unavailable']);
    assertOneCopy('vm-a');
    assert.equal(reportOf(await cluster.migrate()).outcome, 'completed');
  });

  it('leave nothing in Redis of a migration that has been forgotten but the queue’s own', async () => {
    await cluster.startController({ ...patient, keptMigrations: 0 });
    await cluster.another({ limits: { ...patient, keptMigrations: 0 } });
    // Who follows it may find it forgotten before its end was told.
    const migrate = async (how: object = {}): Promise<void> => {
      await cluster.migrate(how).catch((error: unknown) => {
        if (asPortkeyError(error).code !== 'migration-unknown') throw error;
      });
    };
    await migrate();
    await eventually('it has moved', () => cluster.world.runningOn('web')[0] === 'vm-b');
    cluster.b.relay.faults.plan('SendImages', { kind: 'fail', code: 'stream-broken' });
    await migrate({ to: 'vm-a', retries: 1 });
    await eventually('it is back', () => cluster.world.runningOn('web')[0] === 'vm-a');
    assert.equal(cluster.b.calls.filter((call) => call === 'SendImages').length, 2, 'it was not tried again');
    const queueKeys = ['events', 'id', 'marker', 'meta', 'stalled-check'].map(
      (name) => `portkey:queue:${name}`,
    );
    await eventually('nothing else is left', async () =>
      (await keysLeft()).every((key) => queueKeys.includes(key)),
    );
  });
});
