/**
 * Redis loses all it had while a container is frozen by a migration, and the controller that knew of it is gone, too: the
 * container stands still until somebody says which copy of it goes on.
 */
import assert from 'node:assert/strict';

import { withTestbed } from './support/fixture.js';
import { HeldRestore } from './support/held-restore.js';
import { assertOnlySourceHas } from './support/leftovers.js';
import {
  portkey,
  portkeyJson,
  portkeyOk,
  startPortkey,
  untilState,
  type MigrationReport,
} from './support/portkey.js';
import { crash, emptyRedis, untilHealthy } from './support/processes.js';
import { taskTable } from './support/tasks.js';
import { redis } from './support/workloads.js';

interface Row {
  readonly vm: string;
  readonly state: string;
  readonly migration: { readonly id: string; readonly state: string } | null;
}

describe('a container whose migration is lost', function () {
  this.timeout(240_000);
  withTestbed();
  const workload = redis('24M', '1M');
  let tasksBefore = '';
  let migrationId = '';

  before('a migration of which nobody knows any more', async () => {
    await untilHealthy();
    await workload.start('vm-a');
    tasksBefore = await taskTable('vm-a', 'redis');
    const restore = await HeldRestore.watch('vm-b');
    const migration = startPortkey(['migrate', 'redis', '--to', 'vm-b', '--mode', 'portkey']);
    try {
      migrationId = await untilState(['landed'], migration.ended);
      await restore.untilStopped();
      await crash('controller');
      await restore.kill();
    } finally {
      await restore.release();
    }
    await emptyRedis();
    await portkeyOk('testbed', 'restart', 'controller');
    await migration.ended;
    await untilHealthy();
  });
  after(() => workload.stop());

  it('stands still, and ps shows both copies', async () => {
    const lost = { id: migrationId, state: 'lost' };
    assert.deepEqual(
      (await portkeyJson<Row[]>('ps')).map(({ vm, state, migration }) => ({ vm, state, migration })),
      [
        { vm: 'vm-a', state: 'paused', migration: lost },
        { vm: 'vm-b', state: 'created', migration: lost },
      ],
    );
    assert.deepEqual(await portkeyJson<unknown[]>('migrations'), []);
  });

  it('is left alone where no copy is named, or one that is not whole', async () => {
    const choices = await portkey('rescue', 'redis');
    assert.equal(choices.exitCode, 3);
    assert.match(choices.stdout, /\nportkey rescue redis --keep vm-a: it runs from where it was frozen; /);
    assert.match(choices.stdout, /\nthe copy on vm-b cannot be kept: /);
    assert.equal((await portkey('rescue', 'redis', '--keep', 'vm-b')).exitCode, 3);
    assert.equal((await portkeyJson<Row[]>('ps')).length, 2);
  });

  it('goes on at the copy that is named, with nothing lost, and nothing is left of the other', async () => {
    await portkeyOk('rescue', 'redis', '--keep', 'vm-a');
    assert.deepEqual(
      (await portkeyJson<Row[]>('ps')).map(({ vm, state, migration }) => ({ vm, state, migration })),
      [{ vm: 'vm-a', state: 'running', migration: null }],
    );
    assert.equal(await taskTable('vm-a', 'redis'), tasksBefore, 'the same tasks run on the source');
    await workload.check();
    await assertOnlySourceHas('redis');
  });

  it('can be migrated after that', async () => {
    const { outcome } = await portkeyJson<MigrationReport>('migrate', 'redis', '--to', 'vm-b');
    assert.equal(outcome, 'completed');
    await workload.check();
  });
});
