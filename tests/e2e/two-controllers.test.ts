/**
 * Two controllers: what one of them leaves behind when it is killed, the other ends; and the evacuation of a VM.
 *
 * It needs a test bed with two controllers, which testbed.test.ts leaves up. The containers go with it.
 */
import assert from 'node:assert/strict';

import { placesOf } from '../../testbed/paths.js';
import { topologyOf } from '../../testbed/topology.js';
import { eventually } from '../support/eventually.js';
import { withTestbed } from './support/fixture.js';
import { metric } from './support/metrics.js';
import { inGuest, portkeyJson, portkeyOk, startPortkey, untilState } from './support/portkey.js';
import { crash, untilHealthy } from './support/processes.js';
import { slowly } from './support/rolled-back.js';
import { taskTable } from './support/tasks.js';
import { assertNothingIsLeft } from './support/testbed-traces.js';
import { nginx, redis } from './support/workloads.js';

interface Row {
  readonly name: string;
  readonly vm: string;
  readonly state: string;
}

interface Evacuation {
  readonly containers: readonly {
    readonly container: string;
    readonly to: string;
    readonly outcome: string;
  }[];
}

/** Ten seconds until a controller is missed, and then a rollback of a container that was not frozen yet. */
const takeOverMs = 30_000;

const { controllers } = topologyOf(2, placesOf(process.env).runtime, 2);

/** Who works on the one migration that there is. */
async function workingController(): Promise<string> {
  const counts = await Promise.all(
    controllers.map(({ metrics }) => metric(metrics, 'portkey_migrations_running')),
  );
  assert.deepEqual([...counts].sort(), [0, 1], 'one controller works on it, and only one');
  const controller = controllers[counts.indexOf(1)];
  assert.ok(controller);
  return controller.name;
}

async function places(): Promise<string[]> {
  const rows = await portkeyJson<Row[]>('ps');
  return rows.map(({ name, vm, state }) => `${name} on ${vm}: ${state}`).sort();
}

describe('two controllers', function () {
  this.timeout(240_000);
  withTestbed(2);
  after('the test bed goes down without a trace', async () => {
    await portkeyOk('testbed', 'down');
    await assertNothingIsLeft();
  });
  const workload = redis('40M', '1M');
  const web = nginx();

  before('a running Redis, which goes with the test bed', async () => {
    await untilHealthy();
    await workload.start('vm-a');
  });

  it('roll a migration back, with nothing lost, where the one that works on it is killed in pre-copy', async () => {
    const tasksBefore = await taskTable('vm-a', 'redis');
    const migration = startPortkey(['--json', 'migrate', 'redis', '--to', 'vm-b', ...slowly]);
    let killed = '';
    try {
      const id = await untilState(['precopy'], migration.ended);
      killed = await workingController();
      await crash(killed);
      const end = await eventually(
        `migration ${id} has ended after ${killed} was killed`,
        async () => {
          const { outcome } = await portkeyJson<{ outcome?: string | null }>('migrations', id);
          return typeof outcome === 'string' && outcome;
        },
        takeOverMs,
      );
      assert.equal(end, 'rolled-back');
    } finally {
      // What the command says depends on whether it followed by way of the one that was killed.
      migration.signal('SIGINT');
      await migration.ended;
    }

    assert.deepEqual(await places(), ['redis on vm-a: running']);
    assert.equal(await taskTable('vm-a', 'redis'), tasksBefore, 'the same tasks run on the source');
    assert.equal((await inGuest('vm-b', 'ls -A /run/portkey/containers 2>/dev/null; true')).trim(), '');
    await workload.check();

    await portkeyOk('testbed', 'restart', killed);
    await untilHealthy();
  });

  describe('and two containers', () => {
    before('a second container', () => web.start('vm-a'));
    after(() => web.stop());

    it('plan an evacuation, and move nothing, in a dry run', async () => {
      const before = await portkeyJson<{ id: string }[]>('migrations');
      const { containers } = await portkeyJson<Evacuation>('evacuate', 'vm-a', '--dry-run');
      assert.deepEqual(containers.map(({ container, to, outcome }) => [container, to, outcome]).sort(), [
        ['nginx', 'vm-b', 'planned'],
        ['redis', 'vm-b', 'planned'],
      ]);
      assert.deepEqual(await places(), ['nginx on vm-a: running', 'redis on vm-a: running']);
      assert.deepEqual(await portkeyJson<{ id: string }[]>('migrations'), before, 'no migration was made');
    });

    it('move every container off the VM', async () => {
      const { containers } = await portkeyJson<Evacuation>('evacuate', 'vm-a');
      assert.deepEqual(containers.map(({ container, to, outcome }) => [container, to, outcome]).sort(), [
        ['nginx', 'vm-b', 'moved'],
        ['redis', 'vm-b', 'moved'],
      ]);
      assert.deepEqual(await places(), ['nginx on vm-b: running', 'redis on vm-b: running']);
      for (const each of [workload, web]) await each.check();
    });
  });
});
