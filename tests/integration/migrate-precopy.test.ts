/**
 * Pre-copy between scripted agents: its decisions with what they were made of, and its progress, as events.
 */
import assert from 'node:assert/strict';

import { reportOf, ScriptedCluster, statesOf } from './support/scripted-cluster.js';

describe('a migration in pre-copy', function () {
  this.timeout(20_000);
  let cluster: ScriptedCluster;

  beforeEach(async () => {
    cluster = await ScriptedCluster.start();
    await cluster.startController();
  });

  afterEach(async () => {
    await cluster.stop();
  });

  it('explains each decision with its inputs, and stops at the round limit', async () => {
    Object.assign(cluster.a.traits, {
      dirtyPages: [900, 700, 500, 400, 300, 200, 150, 120, 100],
      roundMs: 20,
    });
    const events = await cluster.migrate({ maxRounds: 3, maxDowntimeMs: 1 });
    const decisions = events.filter(({ kind }) => kind === 'decision');
    assert.equal(decisions.length, 3);
    assert.match(decisions[0]?.text ?? '', /900 pages left after round 0: .* → continue/);
    const last = JSON.parse(decisions[2]?.data ?? '{}') as Record<string, unknown>;
    assert.deepEqual(
      [last['action'], last['reason'], last['remainingPages']],
      ['freeze', 'round-limit', 500],
    );
    assert.equal(reportOf(events).rounds.length, 4);
  });

  it('reads no more of its progress than it can make use of, however much there is', async () => {
    Object.assign(cluster.a.traits, { progressSteps: 60, roundMs: 1 });
    const startMs = performance.now();
    const report = reportOf(await cluster.migrate());
    assert.equal(report.outcome, 'completed');
    const readMs = 60 * 20 * report.rounds.length;
    // What comes after a pause is read at once.
    assert.ok(performance.now() - startMs > readMs / 2, `${report.rounds.length} rounds`);
  });

  it('throttles a container whose pages do not settle, where it may, and tells', async () => {
    Object.assign(cluster.a.traits, { dirtyPages: [900, 880, 870, 300, 60], roundMs: 20 });
    const events = await cluster.migrate({ maxDowntimeMs: 1, throttle: true });
    const decisions = events
      .filter(({ kind }) => kind === 'decision')
      .map(({ data }) => JSON.parse(data) as Record<string, unknown>);
    assert.deepEqual(
      decisions.map(({ action, cpuShare, nextCpuShare }) => [action, cpuShare, nextCpuShare]).slice(0, 3),
      [
        ['continue', 1, 1],
        ['throttle', 1, 0.5],
        ['throttle', 0.5, 0.25],
      ],
    );
    assert.equal(cluster.a.calls.filter((call) => call === 'Throttle').length, 2);
    assert.equal(statesOf(events).at(-1), 'done');
  });

  it('tells with the frozen round what became of its dirty pages, and why', async () => {
    for (const [dirty, leftToCriu] of [
      [10, false],
      [3, true],
    ] as const) {
      const source = cluster.world.runningOn('web')[0] === 'vm-a' ? cluster.a : cluster.b;
      source.traits.dirtyPages = [dirty];
      const events = await cluster.migrate({ to: source === cluster.a ? 'vm-b' : 'vm-a' });
      const frozenDirty = { leftToCriu, dirtyPages: dirty, totalPages: 1024, limitPages: 4 };
      const ends = events.filter(
        ({ kind, text }) => kind === 'progress' && /^round 1: .* when frozen/.test(text),
      );
      assert.equal(ends.length, 1);
      const { result } = JSON.parse(ends[0]?.data ?? '{}') as { result: Record<string, unknown> };
      assert.deepEqual(result['frozenDirty'], frozenDirty);
      assert.match(
        ends[0]?.text ?? '',
        leftToCriu ? /3 of 1024 pages dirty .* up to 4 .* → leave them$/ : /10 of 1024 .* → send them$/,
      );
      assert.deepEqual(
        reportOf(events).rounds.map((round) => round.frozenDirty),
        [null, frozenDirty],
      );
    }
  });

  it('shows the progress of a round while it runs', async () => {
    cluster.a.traits.roundMs = 100;
    const events = await cluster.migrate();
    const running = events.filter(({ kind, text }) => kind === 'progress' && / of 1024 pages/.test(text));
    assert.ok(running.length >= 1);
    const data = JSON.parse(running[0]?.data ?? '{}') as Record<string, unknown>;
    assert.equal(data['round'], 0);
    assert.equal(data['pagesTotal'], 1024);
  });
});
