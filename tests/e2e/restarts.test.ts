/**
 * What becomes of a migration, and of the test bed, when a part is killed without notice and started again.
 */
import assert from 'node:assert/strict';

import { withTestbed } from './support/fixture.js';
import { inGuest, portkeyJson, portkeyOk, untilState, type MigrationReport } from './support/portkey.js';
import { untilHealthy } from './support/processes.js';
import { rolledBack, slowly } from './support/rolled-back.js';
import { taskTable } from './support/tasks.js';
import { redis } from './support/workloads.js';

describe('a part that is killed and started again', function () {
  this.timeout(240_000);
  withTestbed();
  const workload = redis('64M', '2M');

  before('a running Redis', async () => {
    await untilHealthy();
    await workload.start('vm-a');
  });
  after(() => workload.stop());

  for (const part of ['vm-b', 'relay-host-b'])
    it(`rolls a migration back, with nothing lost, where it is ${part} in pre-copy`, async () => {
      const tasksBefore = await taskTable('vm-a', 'redis');
      await rolledBack('redis', slowly, async (ended) => {
        await untilState(['precopy'], ended);
        await portkeyOk('testbed', 'restart', part);
      });
      assert.equal(await taskTable('vm-a', 'redis'), tasksBefore, 'the same tasks run on the source');
      await workload.check();
      await untilHealthy();
      assert.equal((await inGuest('vm-b', 'ls -A /run/portkey/containers 2>/dev/null; true')).trim(), '');
    });

  it('lets Redis and the controller come back with what they knew, and the next migration through', async () => {
    const before = await portkeyJson<{ id: string }[]>('migrations');
    for (const part of ['redis', 'controller']) await portkeyOk('testbed', 'restart', part);
    await untilHealthy();
    assert.deepEqual(await portkeyJson<{ id: string }[]>('migrations'), before);
    const { outcome } = await portkeyJson<MigrationReport>('migrate', 'redis', '--to', 'vm-b');
    assert.equal(outcome, 'completed');
    await workload.check();
  });
});
