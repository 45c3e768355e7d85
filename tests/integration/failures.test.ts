/**
 * Every call of a migration fails, hangs, or dies with its process, before it has done anything or after all of it.
 *
 * Whatever happens: one copy of the container runs at the end, on the source if the migration did not complete and on
 * the destination if it did; never two at any time; and nothing of the attempt is left on either side.
 */
import assert from 'node:assert/strict';

import { eventually } from '../support/eventually.js';
import type { Fault } from './support/faults.js';
import { reportOf, ScriptedCluster } from './support/scripted-cluster.js';
import type { ScriptedProcess } from './support/scripted-process.js';

interface Call {
  readonly method: string;
  readonly in: (cluster: ScriptedCluster) => ScriptedProcess;
  readonly mode?: 'MODE_PORTKEY' | 'MODE_CRIU';
}

const sourceAgent = (cluster: ScriptedCluster): ScriptedProcess => cluster.a.checkpoint;
const destinationAgent = (cluster: ScriptedCluster): ScriptedProcess => cluster.b.restore;

/** In preflight: the migration is refused. */
const early: readonly Call[] = [
  { method: 'Describe', in: sourceAgent },
  { method: 'GetHost', in: ({ a }) => a.relay },
  { method: 'Prepare', in: destinationAgent },
  { method: 'OpenLanding', in: ({ b }) => b.relay },
  { method: 'Begin', in: sourceAgent },
  { method: 'OpenStream', in: ({ a }) => a.relay },
];

/** Before the commit: the migration is rolled back. */
const middle: readonly Call[] = [
  { method: 'Round', in: sourceAgent },
  { method: 'Freeze', in: sourceAgent },
  { method: 'Round(last)', in: sourceAgent },
  { method: 'Dump', in: sourceAgent },
  { method: 'SendImages', in: ({ a }) => a.relay },
  { method: 'SealLanding', in: ({ b }) => b.relay },
  { method: 'Restore', in: destinationAgent },
  { method: 'StartPageServer', in: destinationAgent, mode: 'MODE_CRIU' },
  { method: 'Restore', in: destinationAgent, mode: 'MODE_CRIU' },
];

/** After the commit: the migration is finished, however often it takes. */
const late: readonly Call[] = [
  { method: 'Activate', in: destinationAgent },
  { method: 'Finish', in: sourceAgent },
  { method: 'Release', in: destinationAgent },
  { method: 'CloseSession', in: ({ b }) => b.relay },
];

const faults: readonly Fault[] = [
  { kind: 'fail', when: 'before', times: 1 },
  { kind: 'hang', when: 'after', times: 1 },
  { kind: 'die', when: 'before', times: 1, backAfterMs: 150 },
  { kind: 'die', when: 'after', times: 1, backAfterMs: 150 },
];

describe('when a call goes wrong', function () {
  this.timeout(30_000);
  let cluster: ScriptedCluster;

  beforeEach(async () => {
    cluster = await ScriptedCluster.start();
    await cluster.startController();
  });

  afterEach(async () => {
    await cluster.stop();
  });

  function assertSettled(on: string): void {
    assert.deepEqual(cluster.world.violations, []);
    assert.deepEqual(cluster.world.runningOn('web'), [on]);
    assert.equal(cluster.world.copies.length, 1, 'a copy was left behind');
    assert.equal(cluster.world.copies[0]?.claim, undefined, 'the container is still claimed');
    assert.deepEqual([...cluster.world.sessions], [], 'a relay session was left open');
  }

  function each(calls: readonly Call[], outcome: string, on: string): void {
    for (const call of calls) {
      for (const fault of faults) {
        const how = `${call.mode ?? 'MODE_PORTKEY'}: ${call.method}, ${fault.kind} ${fault.when} its work`;
        it(`${how}: ${outcome}`, async () => {
          call.in(cluster).faults.plan(call.method, fault);
          const report = reportOf(await cluster.migrate(call.mode === undefined ? {} : { mode: call.mode }));
          assert.equal(report.outcome, outcome, report.error?.message);
          assertSettled(on);
        });
      }
    }
  }

  each(early, 'refused', 'vm-a');
  each(middle, 'rolled-back', 'vm-a');
  each(late, 'completed', 'vm-b');

  it('tries all of the undoing although a part of it fails, and says what is left', async () => {
    cluster.b.restore.faults.plan('Restore', {
      kind: 'fail',
      code: 'restore-failed',
      message: 'CRIU says no',
    });
    cluster.b.relay.faults.plan('CloseSession', { kind: 'fail', times: 1_000 });
    await cluster.endController();
    await cluster.startController({ undoPatienceMs: 300 });
    const report = reportOf(await cluster.migrate());
    assert.deepEqual([report.outcome, report.error?.message], ['rolled-back', 'CRIU says no']);
    assert.deepEqual(cluster.world.runningOn('web'), ['vm-a']);
    assert.match(report.warnings.join(), /a session and its folders on host-b could not be removed/);
  });

  it('goes on removing what a completed migration could not remove in time', async () => {
    cluster.a.checkpoint.faults.plan('Finish', { kind: 'fail', times: 8 });
    cluster.b.restore.faults.plan('Release', { kind: 'fail', times: 8 });
    await cluster.endController();
    await cluster.startController({ undoPatienceMs: 50 });
    const report = reportOf(await cluster.migrate());
    assert.equal(report.outcome, 'completed');
    assert.match(report.warnings.join(), /the frozen copy of 'web' on vm-a could not be removed yet/);
    assert.throws(() => assertSettled('vm-b'), 'something is left at first');
    await eventually('only the unclaimed copy on vm-b is left', () => {
      const { copies } = cluster.world;
      return copies.length === 1 && copies[0]?.claim === undefined;
    });
    assertSettled('vm-b');
  });

  it('reports failure where the source cannot be told to go on, and tells it as soon as it is back', async () => {
    cluster.a.checkpoint.faults.plan('Dump', { kind: 'die', backAfterMs: 1_500 });
    await cluster.endController();
    await cluster.startController({ undoPatienceMs: 200 });
    const report = reportOf(await cluster.migrate());
    assert.equal(report.outcome, 'failed');
    assert.match(report.error?.message ?? '', /'web' may still be frozen/);
    await eventually('a copy of web runs', () => cluster.world.runningOn('web').length > 0);
    assert.deepEqual(cluster.world.runningOn('web'), ['vm-a']);
  });

  it("goes on at the source where the destination's VM was started anew before its copy ran", async () => {
    cluster.b.restore.faults.plan('Activate', { kind: 'die', backAfterMs: 300 });
    cluster.proxy.before('committed', () => {
      cluster.b.traits.bootId = 'second';
      cluster.world.lose('vm-b');
    });
    const report = reportOf(await cluster.migrate());
    assert.deepEqual([report.outcome, report.error?.code], ['rolled-back', 'destination-lost']);
    assert.match(
      report.error?.message ?? '',
      /before Redis knew that container 'web' ran there; if it did, /,
    );
    assertSettled('vm-a');
  });

  it('goes on at the source where tasks of the other copy were killed before they ran', async () => {
    cluster.proxy.before('committed', () => {
      const copy = cluster.world.copy('vm-b', 'web');
      if (copy !== undefined) copy.state = 'ended';
    });
    const report = reportOf(await cluster.migrate());
    assert.deepEqual([report.outcome, report.error?.code], ['rolled-back', 'destination-lost']);
    assert.match(report.error?.message ?? '', /no task left/);
    assertSettled('vm-a');
  });

  it("says that the container is gone where its VM was started anew while the source's copy was removed", async () => {
    const finishing = whileFinishing(() => {
      cluster.b.traits.bootId = 'second';
      cluster.world.lose('vm-b');
    });
    const report = reportOf(await cluster.migrate());
    await finishing;
    assert.deepEqual([report.outcome, report.error?.code], ['failed', 'destination-lost']);
    assert.deepEqual(cluster.world.copies, []);
  });

  it('says that the destination does not answer any more where the container has moved', async () => {
    const finishing = whileFinishing(() => cluster.b.restore.stop());
    const events = await cluster.migrate();
    await finishing;
    assert.equal(reportOf(events).outcome, 'completed');
    assert.match(events.at(-1)?.text ?? '', /has moved from vm-a to vm-b, which does not answer any more$/);
  });

  /** Does `act` while the source is to remove its copy, and is away for half a second. */
  async function whileFinishing(act: () => Promise<void> | void): Promise<void> {
    cluster.a.checkpoint.faults.plan('Finish', { kind: 'die', backAfterMs: 500 });
    await eventually('Finish was called', () => cluster.a.calls.includes('Finish'));
    await act();
  }

  for (const [what, method, vm] of [
    ['destination', 'Prepare', 'b'],
    ['source', 'Begin', 'a'],
  ] as const) {
    it(`reserves nothing at a ${what} whose VM was started anew since it was looked at`, async () => {
      const { calls, traits } = cluster[vm];
      Object.defineProperty(traits, 'bootId', {
        get: () => (calls.includes(method) ? 'second' : 'first'),
      });
      const report = reportOf(await cluster.migrate());
      assert.deepEqual([report.outcome, report.error?.code], ['refused', 'agent-unavailable']);
      assertSettled('vm-a');
    });
  }

  it("says that the container is gone where the source's VM was started anew before the commit", async () => {
    cluster.a.checkpoint.faults.plan('Round(last)', { kind: 'die', backAfterMs: 300 });
    cluster.proxy.before('tasks frozen in', () => {
      cluster.a.traits.bootId = 'second';
      cluster.world.lose('vm-a');
    });
    const report = reportOf(await cluster.migrate());
    assert.deepEqual([report.outcome, report.error?.code], ['failed', 'source-lost']);
    assert.match(
      report.error?.message ?? '',
      /^vm-a was started anew in the migration, and container 'web' is gone with what it had; /,
    );
    assert.deepEqual(cluster.world.copies, []);
    assert.deepEqual([...cluster.world.sessions], []);
  });

  it('does not revert what the destination has for some other reason no more', async () => {
    cluster.proxy.before('committed', () => cluster.world.lose('vm-b'));
    const migrating = assert.rejects(cluster.migrate());
    await eventually('the activation was tried again', () => {
      return cluster.b.calls.filter((call) => call === 'Activate').length > 3;
    });
    assert.deepEqual(cluster.world.runningOn('web'), []);
    await cluster.endController();
    await migrating;
  });

  it('gives up where the pages would take for ever, and the container runs on', async () => {
    Object.assign(cluster.a.traits, { dirtyPages: [1_000_000], roundMs: 100 });
    const report = reportOf(await cluster.migrate());
    assert.deepEqual([report.outcome, report.error?.code], ['rolled-back', 'pages-will-not-settle']);
    assertSettled('vm-a');
  });
});
