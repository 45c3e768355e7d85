/**
 * What is known after a part was killed without notice and started again. What becomes of a migration meanwhile:
 * faults.test.ts.
 */
import assert from 'node:assert/strict';

import { withTestbed } from './support/fixture.js';
import { portkeyJson, portkeyOk, type MigrationReport } from './support/portkey.js';
import { untilHealthy } from './support/processes.js';
import { redis } from './support/workloads.js';

describe('a part that is killed and started again', function () {
  this.timeout(240_000);
  withTestbed();
  const workload = redis('16M', '1M');

  before('a running Redis', async () => {
    await untilHealthy();
    await workload.start('vm-a');
  });
  after(() => workload.stop());

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
