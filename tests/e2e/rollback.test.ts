/**
 * What a client sees when a migration does not come through: a pause, and then the same container as before. Other parts that
 * fail, in Portkey mode: faults.test.ts.
 */
import assert from 'node:assert/strict';

import { withTestbed } from './support/fixture.js';
import { HeldRestore } from './support/held-restore.js';
import { assertOnlySourceHas } from './support/leftovers.js';
import { portkey, portkeyJson, untilState, type MigrationReport, type Outcome } from './support/portkey.js';
import { untilHealthy } from './support/processes.js';
import { rolledBack, slowly } from './support/rolled-back.js';
import { taskTable } from './support/tasks.js';
import { redis } from './support/workloads.js';

describe('a migration that fails before its commit', function () {
  this.timeout(180_000);
  withTestbed();

  describe('of a Redis that is being written to', () => {
    const workload = redis('32M', '1M');
    let tasksBefore = '';

    before('a running Redis', async () => {
      await workload.start('vm-a');
      tasksBefore = await taskTable('vm-a', 'redis');
    });
    after(() => workload.stop());

    beforeEach('agents that are all back', untilHealthy);

    it('rolls back when the restore service is killed mid-way, in CRIU mode', async () => {
      const restore = await HeldRestore.watch('vm-b');
      await rollsBack(['--mode', 'criu'], async (ended) => {
        try {
          // The final dump's images go to the restore service itself, so the dump is what waits for it.
          await untilState(['frozen'], ended);
          await restore.untilStopped();
          await restore.kill();
          await untilState(['aborted'], ended);
        } finally {
          await restore.release();
        }
      });
    });

    it('rolls back when it is cancelled', () =>
      rollsBack(slowly, async (ended) => {
        const id = await untilState(['precopy'], ended);
        assert.equal((await portkey('cancel', id)).exitCode, 0);
      }));

    it('can be repeated with success', async () => {
      const report = await portkeyJson<MigrationReport>('migrate', 'redis', '--to', 'vm-b');
      assert.deepEqual([report.mode, report.outcome], ['portkey', 'completed']);
      await workload.check();
    });

    /** Migrates to vm-b, disturbs that, and looks at what is left. */
    async function rollsBack(
      options: readonly string[],
      disturb: (ended: Promise<Outcome>) => Promise<void>,
    ): Promise<void> {
      const report = await rolledBack('redis', options, disturb);
      assert.equal(report.connectionKept, true);
      assert.equal(await taskTable('vm-a', 'redis'), tasksBefore, 'the same tasks run on the source');
      await workload.check();
      await assertOnlySourceHas('redis');
    }
  });
});
