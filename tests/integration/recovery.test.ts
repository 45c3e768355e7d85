/**
 * The controller as a process of its own is killed in the middle of a migration and started again.
 */
import assert from 'node:assert/strict';

import type { MigrationReport } from '../../services/controller/report/report.js';
import { eventually } from '../support/eventually.js';
import { ScriptedCluster } from './support/scripted-cluster.js';

const question = { deadlineMs: 10_000 };

describe('a controller that was killed', function () {
  this.timeout(40_000);
  let cluster: ScriptedCluster;

  beforeEach(async () => {
    cluster = await ScriptedCluster.start();
    await cluster.startControllerProcess();
  });

  afterEach(async () => {
    await cluster.stop();
  });

  /** Kills the controller when `marker` is on its way to Redis; with `after`, once Redis has got it. */
  async function killAt(marker: string, after = false): Promise<void> {
    const reached = new Promise<void>((resolve) => {
      cluster.proxy.before(marker, async () => {
        if (!after) {
          await cluster.endController();
          // What a process has sent may arrive though it is dead.
          cluster.proxy.heal();
        }
        resolve();
      });
    });
    const running = cluster.migrate().catch(() => undefined);
    await reached;
    if (after) await cluster.endController();
    await running;
  }

  async function reportAfterRestart(): Promise<MigrationReport> {
    await cluster.startControllerProcess();
    const report = await eventually(
      'the migration has a report',
      async () => {
        const { migrations } = await cluster.client.call('ListMigrations', {}, question);
        const newest = migrations[0]?.report ?? '';
        return newest !== '' && newest;
      },
      30_000,
    );
    return JSON.parse(report) as MigrationReport;
  }

  for (const step of ['preflight', 'precopy', 'frozen', 'dumped', 'landed', 'restored']) {
    it(`on the way to ${step}: rolls back`, async () => {
      await killAt(step);
      const report = await reportAfterRestart();
      assert.equal(report.outcome, 'rolled-back');
      assert.deepEqual([report.recovered, report.error?.code], [true, 'service-unavailable']);
      assert.deepEqual(cluster.world.runningOn('web'), ['vm-a']);
      assert.equal(cluster.world.copies.length, 1);
      assert.equal(cluster.world.sessions.size, 0);
      assert.deepEqual(cluster.world.violations, []);
    });
  }

  it('after the commit, before the activation: finishes', async () => {
    cluster.b.restore.faults.plan('Activate', { kind: 'hang' });
    const running = cluster.migrate().catch(() => undefined);
    await eventually('Activate was called', () => cluster.b.calls.includes('Activate'));
    await cluster.endController();
    await running;
    assert.deepEqual(cluster.world.runningOn('web'), []);
    await finishes();
  });

  it('after the activation, before its answer: finishes', async () => {
    cluster.b.restore.faults.plan('Activate', { kind: 'hang', when: 'after' });
    const running = cluster.migrate().catch(() => undefined);
    await eventually('web runs on vm-b', () => cluster.world.runningOn('web')[0] === 'vm-b');
    await cluster.endController();
    await running;
    await finishes();
  });

  it('after the activation, before Redis knows: finishes', async () => {
    await killAt('activated');
    assert.deepEqual(cluster.world.runningOn('web'), ['vm-b']);
    assert.equal(cluster.world.copies.length, 2, 'nothing is removed before Redis knows');
    await finishes();
  });

  it('after the activation, before Redis knows, with the VM of the copy that ran lost: says what is lost', async () => {
    await killAt('activated');
    loseDestination();
    const report = await reportAfterRestart();
    assert.deepEqual([report.outcome, report.error?.code], ['rolled-back', 'destination-lost']);
    assert.match(report.error?.message ?? '', /if it did, what it has done since the freeze is lost$/);
    assert.deepEqual(cluster.world.runningOn('web'), ['vm-a']);
    assert.equal(cluster.world.copies.length, 1);
    assert.equal(cluster.world.sessions.size, 0);
  });

  it('once Redis knows that it was activated: finishes, with the downtime that was measured', async () => {
    cluster.a.checkpoint.faults.plan('Finish', { kind: 'hang' });
    const running = cluster.migrate().catch(() => undefined);
    await eventually('Finish was called', () => cluster.a.calls.includes('Finish'));
    await cluster.endController();
    await running;
    const activations = cluster.b.calls.filter((call) => call === 'Activate').length;
    const report = await finishes();
    assert.equal(cluster.b.calls.filter((call) => call === 'Activate').length, activations);
    assert.ok(
      (report.downtimeSeconds ?? Infinity) < 5,
      'the time until the controller was back is none of it',
    );
  });

  it('after everything but the last step: finishes', async () => {
    await killAt('has moved from');
    assert.deepEqual(cluster.world.runningOn('web'), ['vm-b']);
    await finishes();
  });

  it('after everything but the last step, with the VM of the copy that ran lost: says that the container is gone', async () => {
    await killAt('has moved from');
    loseDestination();
    const report = await reportAfterRestart();
    assert.deepEqual([report.outcome, report.error?.code], ['failed', 'destination-lost']);
    assert.match(
      report.error?.message ?? '',
      /^vm-b was started anew when container 'web' ran there already, /,
    );
    assert.deepEqual(cluster.world.copies, []);
    assert.equal(cluster.world.sessions.size, 0);
  });

  function loseDestination(): void {
    cluster.b.traits.bootId = 'second';
    cluster.world.lose('vm-b');
  }

  async function finishes(): Promise<MigrationReport> {
    const report = await reportAfterRestart();
    assert.equal(report.outcome, 'completed');
    assert.equal(report.rounds.length, 3);
    assert.ok((report.downtimeSeconds ?? 0) > 0);
    assert.deepEqual(cluster.world.runningOn('web'), ['vm-b']);
    assert.equal(cluster.world.copies.length, 1);
    assert.equal(cluster.world.sessions.size, 0);
    assert.deepEqual(cluster.world.violations, []);
    return report;
  }

  it('lets a migration go on afterwards as if nothing had been', async () => {
    await killAt('frozen');
    await reportAfterRestart();
    const events = await cluster.migrate();
    assert.equal(events.at(-1)?.state, 'done');
  });
});
