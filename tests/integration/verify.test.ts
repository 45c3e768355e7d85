/**
 * `--verify` between scripted agents: what the controller makes of their digests.
 */
import assert from 'node:assert/strict';

import { allStates, reportOf, ScriptedCluster, statesOf } from './support/scripted-cluster.js';

describe('a migration that is verified', function () {
  this.timeout(20_000);
  let cluster: ScriptedCluster;

  beforeEach(async () => {
    cluster = await ScriptedCluster.start();
    await cluster.startController();
  });

  afterEach(async () => {
    await cluster.stop();
  });

  const digestCalls = (calls: readonly string[]): string[] =>
    calls.filter((call) => /ListPages|DigestPages|^Restore$|^SealLanding$|^Activate$/.test(call));

  for (const mode of ['MODE_PORTKEY', 'MODE_CRIU'] as const) {
    it(`is completed where all digests are alike, and tells what that took (${mode})`, async () => {
      const events = await cluster.migrate({ mode, verify: true });
      const report = reportOf(events);
      assert.equal(report.outcome, 'completed');
      assert.deepEqual(statesOf(events), ['pending', ...allStates]);
      assert.deepEqual(digestCalls(cluster.a.calls), ['Checkpoint.DigestPages']);
      assert.deepEqual(digestCalls(cluster.b.calls), [
        ...(mode === 'MODE_PORTKEY' ? ['SealLanding'] : []),
        ...['ListPages', 'Restore.DigestPages', 'Restore', 'Activate'],
      ]);
      const cost = { seconds: 0.5, cpuSeconds: 0.25 };
      assert.deepEqual(report.pageDigest, {
        ...{ format: 2, alike: true, pages: 1030, bytes: 1030 * 4096, sharedPages: 3 },
        ...{ seconds: report.pageDigest?.seconds, source: cost, destination: cost },
      });
      const step = report.steps.find(({ name }) => name === 'verify');
      assert.equal(step?.phase, 'restore');
      assert.ok(step.seconds >= report.pageDigest.seconds);
      const told = events.find(({ text }) =>
        text.startsWith('1030 pages (4 MiB) landed as they stand frozen'),
      );
      assert.match(told?.text ?? '', /; 3 pages of shared memory could not be compared$/);
      assert.equal(told?.state, 'landed');
    });

    it(`is rolled back where one differs, and nothing is restored (${mode})`, async () => {
      cluster.b.traits.content = 'something else';
      const report = reportOf(await cluster.migrate({ mode, verify: true }));
      assert.equal(report.outcome, 'rolled-back');
      assert.equal(report.error?.code, 'digest-mismatch');
      assert.equal(
        report.error.message,
        'what landed on vm-b is not what stands frozen on vm-a: of 4 regions of 2 MiB 4 differ, first that at 0x200000 ' +
          'of task 1; nothing was committed, so the container goes on where it was',
      );
      assert.equal(report.pageDigest?.alike, false);
      assert.ok(!cluster.b.calls.includes('Restore'));
      assert.deepEqual(cluster.world.runningOn('web'), ['vm-a']);
      assert.equal(cluster.world.copies.length, 1);
      assert.equal(cluster.world.sessions.size, 0);
      cluster.b.traits.content = cluster.a.traits.content;
      assert.equal(reportOf(await cluster.migrate({ mode, verify: true })).outcome, 'completed');
    });
  }

  it('is rolled back where an agent finds pages missing, or does not answer', async () => {
    const message = 'the page at 0x1000 of task 7 stands frozen, but did not land';
    cluster.a.checkpoint.faults.plan('Checkpoint.DigestPages', {
      kind: 'fail',
      code: 'digest-mismatch',
      message,
    });
    cluster.b.restore.faults.plan('Restore.DigestPages', { kind: 'hang' });
    const report = reportOf(await cluster.migrate({ verify: true }));
    assert.deepEqual([report.outcome, report.error], ['rolled-back', { code: 'digest-mismatch', message }]);
    assert.equal(report.pageDigest, null);
    cluster.b.restore.faults.plan('ListPages', { kind: 'die', backAfterMs: 50 });
    assert.equal(reportOf(await cluster.migrate({ verify: true })).outcome, 'rolled-back');
    assert.deepEqual(cluster.world.runningOn('web'), ['vm-a']);
    assert.deepEqual(cluster.world.violations, []);
  });

  it('is one that was asked for', async () => {
    const report = reportOf(await cluster.migrate());
    assert.deepEqual([report.outcome, report.pageDigest], ['completed', null]);
    assert.deepEqual(digestCalls(cluster.a.calls), []);
    assert.deepEqual(digestCalls(cluster.b.calls), ['SealLanding', 'Restore', 'Activate']);
  });
});
