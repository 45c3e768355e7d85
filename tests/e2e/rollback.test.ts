/**
 * What a client sees when a migration does not come through: a pause, and then the same container as before.
 */
import assert from 'node:assert/strict';

import { withTestbed } from './support/fixture.js';
import {
  inGuest,
  portkey,
  portkeyJson,
  startPortkey,
  untilState,
  type MigrationReport,
} from './support/portkey.js';
import { taskTable } from './support/tasks.js';
import { redis } from './support/workloads.js';

/** Ends an agent as a crash would; the guest's supervisor starts it again. */
const killAgent = (name: string): string => `kill -9 $(pgrep -f '^node /opt/portkey/${name}.cjs')`;

/** Everything that an attempt may leave in a guest besides the container itself. */
const leftovers =
  'find /run/portkey/departures /run/portkey/arrivals /run/portkey/images /mnt/portkey/landing ' +
  '/mnt/portkey/outgoing /run/portkey/containers /run/netns -mindepth 1 -maxdepth 1 2>/dev/null; pgrep -l criu; true';

describe('a migration that fails before its commit', function () {
  this.timeout(120_000);
  withTestbed();

  describe('of a Redis that is being written to', () => {
    const workload = redis('64M', '2M');
    let tasksBefore = '';

    before('a running Redis', async () => {
      await workload.start('vm-a');
      tasksBefore = await taskTable('vm-a', 'redis');
    });
    after(() => workload.stop());

    for (const mode of ['portkey', 'criu']) {
      it(`rolls back when the restore service is killed mid-way, in ${mode} mode`, async () => {
        const migration = startPortkey(['--json', 'migrate', 'redis', '--to', 'vm-b', '--mode', mode]);
        await untilState(['frozen', 'dumped', 'landed'], migration.ended);
        await inGuest('vm-b', killAgent('restore'));
        await rolledBack(await migration.ended);
      });
    }

    it('rolls back when the checkpoint service is killed in pre-copy', async () => {
      const migration = startPortkey([
        '--json',
        'migrate',
        'redis',
        '--to',
        'vm-b',
        '--bandwidth',
        '100mbit',
      ]);
      await untilState(['precopy'], migration.ended);
      await inGuest('vm-a', killAgent('checkpoint'));
      await rolledBack(await migration.ended);
    });

    it('rolls back when it is cancelled', async () => {
      const migration = startPortkey([
        '--json',
        'migrate',
        'redis',
        '--to',
        'vm-b',
        '--bandwidth',
        '100mbit',
      ]);
      const id = await untilState(['precopy'], migration.ended);
      assert.equal((await portkey('cancel', id)).exitCode, 0);
      await rolledBack(await migration.ended);
    });

    it('can be repeated with success', async () => {
      const report = await portkeyJson<MigrationReport>('migrate', 'redis', '--to', 'vm-b');
      assert.equal(report.outcome, 'completed');
      await workload.check();
    });

    async function rolledBack({
      exitCode,
      stdout,
      stderr,
    }: {
      exitCode: number;
      stdout: string;
      stderr: string;
    }): Promise<void> {
      assert.equal(exitCode, 1, stderr);
      const report = JSON.parse(stdout) as MigrationReport;
      assert.equal(report.outcome, 'rolled-back');
      assert.equal(report.connectionKept, true);
      assert.equal(await taskTable('vm-a', 'redis'), tasksBefore, 'the same tasks run on the source');
      await workload.check();
      assert.equal((await inGuest('vm-b', leftovers)).trim(), '', 'nothing is left on the destination');
      assert.equal(
        (await inGuest('vm-a', leftovers)).trim(),
        '/run/portkey/containers/redis\n/run/netns/portkey-redis',
        'only the container is on the source',
      );
    }
  });
});
