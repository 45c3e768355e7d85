/**
 * A migration from end to end between scripted agents: the order of calls in each mode, the report, the fallback.
 */
import assert from 'node:assert/strict';

import { allStates, reportOf, ScriptedCluster, statesOf } from './support/scripted-cluster.js';

const question = { deadlineMs: 10_000 };

/** Calls that a migration makes once its questions are answered. */
function steps(calls: readonly string[]): string[] {
  const questions = [
    ...['List', 'Describe', 'GetHost', 'Checkpoint.GetNode', 'Restore.GetNode', 'ReadCpu'],
    ...['Checkpoint.GetUsage', 'Restore.GetUsage'],
  ];
  return calls.filter((call) => !questions.includes(call));
}

describe('a migration', function () {
  this.timeout(20_000);
  let cluster: ScriptedCluster;

  beforeEach(async () => {
    cluster = await ScriptedCluster.start();
    await cluster.startController();
  });

  afterEach(async () => {
    await cluster.stop();
  });

  it('moves a container in portkey mode, each call in its place', async () => {
    const events = await cluster.migrate();
    assert.deepEqual(statesOf(events), ['pending', ...allStates]);
    assert.deepEqual(steps(cluster.a.calls).slice(0, 7), [
      ...['Begin', 'OpenStream', 'Round', 'Round', 'Freeze', 'Round(last)', 'Dump'],
    ]);
    assert.deepEqual(steps(cluster.a.calls).slice(7).sort(), ['CloseSession', 'Finish', 'SendImages']);
    assert.deepEqual(steps(cluster.b.calls).slice(0, 5), [
      ...['Prepare', 'OpenLanding', 'SealLanding', 'Restore', 'Activate'],
    ]);
    assert.deepEqual(cluster.world.runningOn('web'), ['vm-b']);
    assert.equal(cluster.world.copies.length, 1);
    assert.equal(cluster.world.sessions.size, 0);
    assert.deepEqual(cluster.world.violations, []);
  });

  it('reports what it measured, in the shape that scripts rely on', async () => {
    const report = reportOf(await cluster.migrate());
    assert.equal(report.outcome, 'completed');
    assert.equal(report.error, null);
    assert.deepEqual(
      [report.mode, report.container, report.from, report.to],
      ['portkey', 'web', 'vm-a', 'vm-b'],
    );
    assert.deepEqual(
      report.rounds.map(({ index, pages, dirtyPagesAfter, last }) => ({
        index,
        pages,
        dirtyPagesAfter,
        last,
      })),
      [
        { index: 0, pages: 1024, dirtyPagesAfter: 200, last: false },
        { index: 1, pages: 200, dirtyPagesAfter: 10, last: false },
        { index: 2, pages: 10, dirtyPagesAfter: 0, last: true },
      ],
    );
    assert.deepEqual(
      report.rounds.map(({ agentCpuSeconds }) => agentCpuSeconds),
      Array.from({ length: 3 }, () => ({ scan: 0.25, hypercalls: 0.125 })),
    );
    assert.deepEqual([report.pagesSent, report.zeroPages], [1234, 234]);
    assert.equal(report.bytesSent, 1234 * 4096 + 130_000);
    assert.equal(report.hypercalls, 15);
    assert.deepEqual(report.finalDump, {
      criuPages: 2,
      parentPages: 1022,
      imageBytes: 130_000,
      seconds: 0.02,
    });
    assert.deepEqual(
      report.steps.map(({ name }) => name),
      ['preflight', 'precopy', 'freeze', 'final-round', 'dump', 'landing', 'restore', 'commit', 'activate'],
    );
    assert.deepEqual(
      report.phases.map((phase) => [phase.name, Object.keys(phase)]),
      ['precopy', 'final', 'restore'].map((name) => [name, ['name', 'seconds']]),
    );
    const downtime = report.downtimeSeconds ?? 0;
    assert.ok(
      downtime > 0 && downtime < report.totalSeconds,
      `downtime ${downtime} of ${report.totalSeconds}`,
    );
    const { source } = report.cpuSeconds;
    // Each reading is a second of CPU and five of time after the last; an idle VM would have used 2 % of those.
    assert.deepEqual(source?.byPhase, { precopy: 1, final: 1, restore: 1 });
    assert.ok(Math.abs(source.byComponent.vm - 2.7) < 1e-9);
    assert.ok(Math.abs(source.idle - 0.3) < 1e-9);
  });

  it('asks the guests once, at the end, what was used in them', async () => {
    const { guestCpuSeconds } = reportOf(await cluster.migrate());
    const { source, destination } = guestCpuSeconds;
    assert.deepEqual([source?.agent, source?.programs], [1.125, 1]);
    assert.deepEqual([destination?.agent, destination?.programs], [0.75, 2.125]);
    assert.deepEqual(source?.byStep['dump'], { agent: 0.25, programs: 1 });
    assert.deepEqual(destination?.byStep['release'], { agent: 8, programs: 8 });
    const questions = (calls: readonly string[]) => calls.filter((call) => call.endsWith('.GetUsage'));
    assert.deepEqual(questions(cluster.a.calls), ['Checkpoint.GetUsage']);
    assert.deepEqual(questions(cluster.b.calls), ['Restore.GetUsage']);
    assert.ok(cluster.a.calls.indexOf('Checkpoint.GetUsage') > cluster.a.calls.indexOf('Finish'));
    assert.ok(cluster.b.calls.indexOf('Restore.GetUsage') > cluster.b.calls.indexOf('Release'));
  });

  it('ends well also where a guest does not know, or does not answer, what was used in it', async () => {
    cluster.a.checkpoint.faults.plan('Checkpoint.GetUsage', { kind: 'fail', code: 'migration-unknown' });
    cluster.b.restore.faults.plan('Restore.GetUsage', { kind: 'hang' });
    const report = reportOf(await cluster.migrate());
    assert.deepEqual([report.outcome, report.warnings], ['completed', []]);
    assert.deepEqual(report.guestCpuSeconds, { source: null, destination: null });
  });

  it('moves a container in criu mode: pages to page servers, images by the source, no relay session', async () => {
    const report = reportOf(await cluster.migrate({ mode: 'MODE_CRIU' }));
    assert.equal(report.outcome, 'completed');
    assert.equal(report.mode, 'criu');
    assert.deepEqual(steps(cluster.a.calls), ['Begin', 'Round', 'Round', 'Freeze', 'Dump', 'Finish']);
    assert.deepEqual(steps(cluster.b.calls), [
      ...[
        'Prepare',
        'StartPageServer',
        'StartPageServer',
        'StartPageServer',
        'Restore',
        'Activate',
        'Release',
      ],
    ]);
    assert.deepEqual(
      report.rounds.map(({ pages, last }) => [pages, last]),
      [
        [1024, false],
        [200, false],
        [2, true],
      ],
    );
    // The last one is CRIU's alone.
    assert.deepEqual(report.rounds.at(-1)?.agentCpuSeconds, { scan: 0, hypercalls: 0 });
    assert.equal(report.landed, null);
  });

  it('goes there and back again', async () => {
    for (const to of ['vm-b', 'vm-a', 'vm-b', 'vm-a']) {
      assert.equal(reportOf(await cluster.migrate({ to })).outcome, 'completed');
      assert.deepEqual(cluster.world.runningOn('web'), [to]);
    }
    const { migrations } = await cluster.client.call('ListMigrations', {}, question);
    assert.equal(migrations.length, 4);
    assert.ok(migrations.every(({ state, report }) => state === 'done' && report !== ''));
  });

  it('falls back to criu mode where the source has no hypercall channel, and says so', async () => {
    cluster.a.traits.hypercallChannel = false;
    cluster.a.traits.hypercallDetail = 'the nonce is not where the guest says it is';
    const report = reportOf(await cluster.migrate());
    assert.equal(report.outcome, 'completed');
    assert.deepEqual([report.mode, report.requestedMode], ['criu', 'portkey']);
    assert.match(report.warnings.join(), /vm-a has no hypercall channel: the nonce .* criu mode instead/);
  });

  it('falls back to criu mode where the container has about as many tasks as a channel has objects', async () => {
    cluster.a.traits.taskCount = 769;
    const report = reportOf(await cluster.migrate());
    assert.deepEqual([report.outcome, report.mode], ['completed', 'criu']);
    assert.match(report.warnings.join(), /has 769 processes, .* no more than 768 of the 1024 objects/);
  });

  it('falls back to criu mode where the destination is not attached to its relay', async () => {
    cluster.b.traits.attached = false;
    const report = reportOf(await cluster.migrate());
    assert.deepEqual([report.outcome, report.mode], ['completed', 'criu']);
    assert.match(report.warnings.join(), /hypervisor-relay of host-b at .* was not given vm-b/);
  });

  it('says beforehand that connections of a container on its VM’s own network will be closed', async () => {
    cluster.world.add('vm-a', { name: 'plain', network: 'NETWORK_MODE_HOST' }, 'running');
    const events = await cluster.migrate({ container: 'plain' });
    const warning = events.findIndex(({ kind }) => kind === 'warning');
    assert.match(
      events[warning]?.text ?? '',
      /'plain' uses its VM's own network: its connections will be closed/,
    );
    assert.ok(warning < events.findIndex(({ state }) => state === 'frozen'));
  });
});
