/**
 * Redis loses what it had in the middle of a migration, and the controller is a new one: nobody knows of the migration any
 * more but the agents, and the operator decides.
 */
import assert from 'node:assert/strict';

import { asPortkeyError } from '../../libraries/errors/index.js';
import { systemClock } from '../../libraries/process/index.js';
import { RpcClient, type PlacedContainer, type Rescue } from '../../libraries/rpc/index.js';
import { eventually } from '../support/eventually.js';
import { reportOf, ScriptedCluster } from './support/scripted-cluster.js';
import type { Copy, CopyState } from './support/scripted-world.js';

type Content = Pick<Copy, 'state' | 'claim'>;

const question = { deadlineMs: 10_000 };

describe('a container whose migration is lost', function () {
  this.timeout(40_000);
  let cluster: ScriptedCluster;

  beforeEach(async () => {
    cluster = await ScriptedCluster.start();
  });

  afterEach(async () => {
    await cluster.stop();
  });

  const rescue = (keep = ''): Promise<Rescue> =>
    cluster.client.call('RescueContainer', { container: 'web', keep }, question);

  async function listed(): Promise<PlacedContainer[]> {
    return (await cluster.client.call('ListContainers', {}, question)).containers;
  }

  async function emptyRedis(): Promise<void> {
    const redis = cluster.redis.connect();
    await redis.flushall();
    redis.disconnect();
  }

  /** Sets a migration going, kills the controller once `reached`, empties Redis, and starts another controller. */
  async function loseAt(reached: () => Promise<unknown>): Promise<void> {
    await cluster.startControllerProcess();
    const seen = reached();
    const running = cluster.migrate().catch(() => undefined);
    await seen;
    await cluster.endController();
    await running;
    await emptyRedis();
    await cluster.startController();
  }

  /** The controller is killed when the step to `state` is on its way to Redis. */
  function onItsWay(state: string): () => Promise<void> {
    return () =>
      new Promise((resolve) => {
        cluster.proxy.before(`\r\n${state}\r\n`, async () => {
          await cluster.endController();
          resolve();
        });
      });
  }

  function assertRescued(on: string): void {
    assert.deepEqual(cluster.world.runningOn('web'), [on]);
    assert.deepEqual(
      cluster.world.copies.map(({ vm, claim }) => [vm, claim]),
      [[on, undefined]],
    );
    assert.deepEqual([...cluster.world.sessions], []);
    assert.deepEqual(cluster.world.violations, []);
  }

  const wasAsked = (call: string): boolean =>
    cluster.a.calls.includes(call) || cluster.b.calls.includes(call);

  const snapshot = (): string => JSON.stringify([cluster.world.copies, [...cluster.world.sessions]]);

  /** Keeping it on `keep` is refused, and changes nothing. */
  async function assertRefused(keep: string, code: string, message: RegExp): Promise<void> {
    const before = snapshot();
    await assert.rejects(rescue(keep), { code, message });
    assert.equal(snapshot(), before);
  }

  function place(onA: Content | undefined, onB: Content | undefined): void {
    cluster.world.copies.length = 0;
    for (const [vm, content] of [
      ['vm-a', onA],
      ['vm-b', onB],
    ] as const) {
      if (content === undefined) continue;
      const claim = content.claim === undefined ? undefined : { ...content.claim };
      cluster.world.add(vm, { name: 'web' }, content.state, claim);
    }
  }

  /** As it stands once the copy at the destination is there; the source has heard of another take-over. */
  function stranded(): void {
    place(
      { state: 'frozen', claim: { id: 'm-1', epoch: 3, role: 'source' } },
      { state: 'stopped', claim: { id: 'm-1', epoch: 2, role: 'destination' } },
    );
    cluster.world.sessions.add('vm-a:m-1').add('vm-b:m-1');
  }

  it('on the way to preflight: was never touched', async () => {
    await loseAt(onItsWay('preflight'));
    await assertRefused('vm-a', 'nothing-to-rescue', /no migration has claimed/);
    assertRescued('vm-a');
  });

  for (const step of ['precopy', 'frozen', 'dumped', 'landed', 'restored'] as const) {
    it(`on the way to ${step}: goes on at its source, or not at all`, async () => {
      await loseAt(onItsWay(step));
      if (step !== 'restored')
        await assertRefused(
          'vm-b',
          'choice-refused',
          step === 'precopy' ? /the one on vm-a runs/ : /not restored, or not wholly/,
        );
      assert.equal(cluster.world.copies.length, 2);
      await rescue('vm-a');
      assertRescued('vm-a');
      assert.equal(reportOf(await cluster.migrate()).outcome, 'completed');
    });
  }

  it('that took too long: goes on nowhere, as another rescue may have begun', async () => {
    const lostMs = (): number => (wasAsked('Restore.TakeOver') ? 121_000 : 0);
    cluster.clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + lostMs() };
    await cluster.startController();
    stranded();
    await assert.rejects(rescue('vm-b'), {
      code: 'container-busy',
      message: /^container 'web' was not rescued to its end/,
    });
    assert.deepEqual(cluster.world.runningOn('web'), []);
    await rescue('vm-b');
    assertRescued('vm-b');
  });

  it('restored, or committed and not activated: runs where the operator says', async () => {
    for (const [step, keep] of [
      ['restored', 'vm-b'],
      ['committed', 'vm-a'],
    ] as const) {
      await loseAt(onItsWay(step));
      assert.deepEqual(cluster.world.runningOn('web'), []);
      const { copies } = await rescue();
      assert.ok(copies.every(({ keeping }) => keeping.includes('it runs from where it was frozen')));
      await rescue(keep);
      assertRescued(keep);
      await cluster.client.call('StopContainer', { name: 'web' }, question);
      await cluster.endController();
      cluster.world.add('vm-a', { name: 'web', rootfs: '/', ip: '10.77.0.100/24' }, 'running');
    }
  });

  it('activated: goes on at its destination, and nowhere else', async () => {
    cluster.a.checkpoint.faults.plan('Finish', { kind: 'hang' });
    cluster.b.restore.faults.plan('Release', { kind: 'hang' });
    await loseAt(() => eventually('both were called', () => wasAsked('Finish') && wasAsked('Release')));
    await assertRefused('vm-a', 'choice-refused', /the one on vm-b runs, keep that/);
    await rescue('vm-b');
    assertRescued('vm-b');
  });

  it('activated and released, with a copy at the source: that one is removed', async () => {
    cluster.a.checkpoint.faults.plan('Finish', { kind: 'hang' });
    await loseAt(() => eventually('both were called', () => wasAsked('Finish') && wasAsked('Release')));
    assert.equal(cluster.world.copy('vm-b', 'web')?.claim, undefined);
    await assertRefused('vm-a', 'choice-refused', /the one on vm-b runs/);
    await rescue('vm-b');
    assertRescued('vm-b');
  });

  it('is shown as such by the list of containers', async () => {
    await cluster.startController();
    stranded();
    assert.deepEqual(
      (await listed()).map(({ vm, migrationState, container }) => [vm, container?.state, migrationState]),
      [
        ['vm-a', 'paused', 'lost'],
        ['vm-b', 'restored', 'lost'],
      ],
    );
    await cluster.redis.kill();
    assert.deepEqual(
      (await listed()).map(({ migrationState }) => migrationState),
      ['unknown', 'unknown'],
    );
  });

  it('is left alone until a copy is named, and while a VM may have another', async () => {
    await cluster.startController();
    stranded();
    const before = snapshot();
    const { copies } = await rescue();
    assert.deepEqual(
      copies.map(({ vm, migrationState, hindrance }) => [vm, migrationState, hindrance]),
      [
        ['vm-a', 'lost', ''],
        ['vm-b', 'lost', ''],
      ],
    );
    assert.equal(snapshot(), before);
    await assertRefused('vm-x', 'vm-unknown', /no VM named 'vm-x'/);
    await cluster.b.restore.die();
    await assertRefused('vm-a', 'agent-unavailable', /^vm-b may have a copy of container 'web' that runs/);
    await cluster.b.restore.start();
    await cluster.a.checkpoint.die();
    await assert.rejects(rescue('vm-b'), { code: 'agent-unavailable' });
    assert.deepEqual(cluster.world.runningOn('web'), []);
    await cluster.redis.kill();
    await assertRefused('vm-a', 'state-store-unavailable', /does not answer/);
  });

  it('cannot be rescued where no migration has claimed it, or it is not there', async () => {
    await cluster.startController();
    await assertRefused('vm-a', 'nothing-to-rescue', /no migration has claimed .*\(running on vm-a\)/);
    await assertRefused('', 'nothing-to-rescue', /no migration has claimed/);
    cluster.world.copies.length = 0;
    await assertRefused('vm-a', 'container-unknown', /no VM has a container 'web'/);
    cluster.world.add('vm-a', { name: 'web' }, 'frozen', { id: 'm-1', epoch: 1, role: 'source' });
    await assertRefused(
      'vm-b',
      'container-unknown',
      /vm-b has no copy of container 'web'; there is one on vm-a/,
    );
  });

  it('is not one whose migration Redis knows, or that the controller is still at', async () => {
    await cluster.startController();
    cluster.b.restore.faults.plan('Activate', { kind: 'fail', times: 1_000 });
    const running = cluster.migrate().catch(() => undefined);
    await eventually('Activate was called', () => cluster.b.calls.includes('Activate'));
    await assert.rejects(rescue(), { code: 'container-busy', message: /is not lost \(committed\)/ });
    await assert.rejects(rescue('vm-a'), { code: 'container-busy' });
    await emptyRedis();
    await assert.rejects(rescue('vm-a'), { code: 'container-busy', message: /the controller ends it/ });
    assert.deepEqual(cluster.world.runningOn('web'), []);
    cluster.b.restore.faults.plan('Activate', { kind: 'fail', times: 1 });
    await running;
    await eventually('web runs', () => cluster.world.runningOn('web')[0] === 'vm-b');
  });

  it('is rescued by one at a time', async () => {
    await cluster.startController();
    stranded();
    cluster.a.checkpoint.faults.plan('Rollback', { kind: 'hang' });
    const first = rescue('vm-a').catch(() => undefined);
    await eventually('Rollback was called', () => cluster.a.calls.includes('Rollback'));
    await assert.rejects(rescue('vm-b'), { code: 'container-busy', message: /just being rescued/ });
    await first;
    assert.deepEqual(cluster.world.runningOn('web'), []);
    await rescue('vm-b');
    assertRescued('vm-b');
  });

  it('is out of reach of the controller that had it, whatever that still asks for', async () => {
    await cluster.startController();
    stranded();
    cluster.a.checkpoint.faults.plan('Finish', { kind: 'fail' });
    const { left } = await rescue('vm-b');
    assert.deepEqual(left, ['the copy on vm-a: scripted: Finish failed']);
    assert.deepEqual(cluster.world.copy('vm-a', 'web')?.claim, { id: 'm-1', epoch: 4, role: 'source' });
    const { address } = cluster.a.checkpoint;
    const late = new RpcClient('Checkpoint', address, 'vm-a', 'insecure', {
      role: 'checkpoint',
      name: 'vm-a',
    });
    const rollback = late.call('Rollback', { migrationId: 'm-1', epoch: 3, container: 'web' }, question);
    await assert.rejects(rollback, { code: 'stale-epoch' });
    late.close();
    await rescue('vm-b');
    assertRescued('vm-b');
  });

  it('is rescued in the end, whichever call it broke off at, and whether that had an effect', async () => {
    await cluster.startController();
    const [a, b] = [cluster.a.checkpoint, cluster.b.restore];
    const takeOvers = [
      [a, 'Checkpoint.TakeOver'],
      [b, 'Restore.TakeOver'],
    ] as const;
    const calls = {
      'vm-a': [...takeOvers, [a, 'Rollback'], [b, 'Discard']],
      'vm-b': [...takeOvers, [b, 'Activate'], [a, 'Finish'], [b, 'Release']],
    } as const;
    for (const keep of ['vm-a', 'vm-b'] as const) {
      for (const [agent, call] of calls[keep]) {
        for (const when of ['before', 'after'] as const) {
          stranded();
          agent.faults.plan(call, { kind: 'fail', when });
          const left = await rescue(keep).then(
            (result) => result.left.join(),
            (error: unknown) => String(error),
          );
          assert.match(left, new RegExp(`${call} failed`), `${keep}, ${when}`);
          assert.deepEqual(cluster.world.violations, []);
          if (cluster.world.copies.some(({ claim }) => claim !== undefined)) await rescue(keep);
          assertRescued(keep);
        }
      }
    }
  });

  it('is rescued although a relay does not answer, and what that has is told of', async () => {
    await cluster.startController();
    stranded();
    await cluster.b.relay.die();
    const { left } = await rescue('vm-a');
    assert.match(
      left.join(),
      /^the session of m-1 on host-b, and its folders: the hypervisor-relay of host-b/,
    );
    assert.deepEqual([...cluster.world.sessions], ['vm-b:m-1']);
    cluster.world.sessions.clear();
    assertRescued('vm-a');
  });

  describe('whatever there is of it', () => {
    const claimed = (role: 'source' | 'destination', states: CopyState[]): Content[] =>
      states.map((state) => ({ state, claim: { id: 'm-1', epoch: 1, role } }));
    const contents: (Content | undefined)[] = [
      undefined,
      { state: 'running', claim: undefined },
      { state: 'ended', claim: undefined },
      ...claimed('source', ['running', 'frozen', 'ended']),
      ...claimed('destination', ['prepared', 'stopped', 'running', 'ended']),
    ];
    const pairs = contents.flatMap((onA) => contents.map((onB) => [onA, onB] as const));

    /** False where it is refused, and then nothing must have changed. */
    async function isDone(act: () => Promise<unknown>): Promise<boolean> {
      const before = snapshot();
      try {
        await act();
        return true;
      } catch (thrown) {
        const { exitCode, message } = asPortkeyError(thrown);
        assert.equal(exitCode, 3, message);
        assert.equal(snapshot(), before);
        return false;
      }
    }

    beforeEach(() => cluster.startController());

    it('ends as the one copy that runs, where that may be kept', async () => {
      let count = 0;
      for (const [onA, onB] of pairs) {
        for (const keep of ['vm-a', 'vm-b']) {
          place(onA, onB);
          if (!(await isDone(() => rescue(keep)))) continue;
          count += 1;
          assertRescued(keep);
        }
      }
      // On each VM: four claimed copies that may be kept beside seven things that do not run, and the unclaimed one that
      // runs beside five claimed ones that do not.
      assert.equal(count, 2 * (4 * 7 + 5));
    });
  });
});
