/**
 * The experiment with everything around it made up: containers, migrations and the floor.
 */
import assert from 'node:assert/strict';

import type { BenchTools } from '../../cli/bench/bench-tools.js';
import { PortkeyError } from '../../libraries/errors/index.js';
import type { PlacedContainer } from '../../libraries/rpc/index.js';
import { redisContainer } from '../../testbed/workload/index.js';
import { benchPlan, ScriptedBench } from './support/scripted-bench.js';

const gib = 2 ** 30;

describe('the experiment', function () {
  this.timeout(20_000);
  let bench: ScriptedBench;

  beforeEach(async () => {
    bench = await ScriptedBench.start();
  });
  afterEach(() => bench[Symbol.asyncDispose]());

  it('goes to and fro in turns, after warm-ups, and cleans up after each cell', async () => {
    await bench.run(benchPlan({ writeRates: [0, 5], floor: false }));
    const cell = (writes: number): string[] => [
      `start bench on vm-a with 1024, ${writes}`,
      ...['criu to vm-b', 'portkey to vm-a', 'portkey to vm-b', 'criu to vm-a', 'portkey to vm-b'],
      ...['portkey to vm-a', 'criu to vm-b', 'portkey to vm-a'],
      'stop client of bench',
      'stop bench',
    ];
    assert.deepEqual(bench.calls, ['stop client of bench', ...cell(0), ...cell(5)]);
    assert.deepEqual(bench.recorder.shortcomings, []);
  });

  it('marks warm-ups and moves that turn the direction, and counts them nowhere', async () => {
    bench.fate = (number) => ({ totalSeconds: [1, 2, 3, 6].includes(number) ? 1000 : number });
    await bench.run(benchPlan({ floor: false }));
    const { migrations, statistics } = await bench.written();
    assert.deepEqual(
      migrations.map(({ warmUp, repetition, requestedMode }) => [warmUp, repetition, requestedMode]),
      [
        [true, 1, 'criu'],
        [true, 1, 'portkey'],
        [true, 1, 'portkey'],
        [false, 1, 'criu'],
        [false, 1, 'portkey'],
        [true, 2, 'portkey'],
        [false, 2, 'criu'],
        [false, 2, 'portkey'],
      ],
    );
    assert.deepEqual(
      statistics.modes.map(({ count, totalSeconds }) => [count, totalSeconds?.maximum]),
      [
        [2, 7],
        [2, 8],
      ],
    );
    assert.deepEqual(statistics.savings[0]?.pairs, 2);
  });

  it('measures the floor once a size, when the container is gone', async () => {
    await bench.run(benchPlan({ sizes: [1024, 2048], writeRates: [0, 5], warmUp: 0 }));
    const floors = bench.calls.filter((call) => call.startsWith('floor'));
    assert.deepEqual(floors, ['floor of 1024', 'floor of 1024', 'floor of 2048', 'floor of 2048']);
    assert.equal(bench.calls[bench.calls.indexOf('floor of 1024') - 1], 'stop bench');
    assert.equal((await bench.written()).floor.length, 4);
  });

  it('touches memory before each migration and each floor, unless told not to', async () => {
    const touched: string[] = [];
    const touchHostMemory = (): Promise<void> => {
      touched.push(`before call ${bench.calls.length}`);
      return Promise.resolve();
    };
    const plan = { sizes: [1024], warmUp: 0, repeat: 1 };
    await bench.run(benchPlan(plan), { touchHostMemory });
    const measured = bench.calls.flatMap((call, index) =>
      call.includes(' to ') || call.startsWith('floor') ? [`before call ${index}`] : [],
    );
    assert.equal(measured.length, 3);
    assert.deepEqual(touched, measured);
    touched.length = 0;
    await bench.run(benchPlan({ ...plan, coldMemory: true }), { touchHostMemory });
    assert.deepEqual(touched, []);
  });

  it('goes on without the floor where that fails, which is no success', async () => {
    await bench.run(benchPlan(), { measureFloor: () => Promise.reject(new Error('no ip')) });
    assert.deepEqual(bench.recorder.shortcomings, ['the floor of 1 KiB was not measured: no ip']);
  });

  it('goes on from where the container is when a migration fails', async () => {
    bench.fate = (number) => (number === 1 ? { outcome: 'rolled-back' } : {});
    await bench.run(benchPlan({ warmUp: 0, floor: false, repeat: 1 }));
    assert.deepEqual(
      bench.calls.filter((call) => call.includes(' to ')),
      ['criu to vm-b', 'portkey to vm-b'],
    );
    assert.deepEqual(bench.recorder.shortcomings, ['1 KiB, idle, criu mode: the migration was rolled-back']);
  });

  it('says so when a migration fell back to the other mode', async () => {
    bench.fate = (number) => (number === 2 ? { mode: 'criu' } : {});
    await bench.run(benchPlan({ warmUp: 0, floor: false, repeat: 1 }));
    assert.deepEqual(bench.recorder.shortcomings, [
      '1 KiB, idle, portkey mode: the migration fell back to criu mode',
    ]);
    assert.deepEqual((await bench.written()).statistics.savings, []);
  });

  it('ends where data was lost, and keeps what it has', async () => {
    bench.fate = (number) => (number === 4 ? { verified: false } : {});
    await assert.rejects(bench.run(benchPlan({ writeRates: [0, 5] })), {
      code: 'command-failed',
      message: 'migration m4 in criu mode lost data; stopped there',
    });
    assert.deepEqual(bench.calls.slice(-2), ['stop client of bench', 'stop bench']);
    assert.equal((await bench.written()).migrations.length, 4);
  });

  it('ends the cell whose connection broke', async () => {
    bench.fate = (number) => (number === 1 ? { connectionKept: false } : {});
    await bench.run(benchPlan({ writeRates: [0, 5], warmUp: 0, repeat: 1, floor: false }));
    assert.deepEqual(
      bench.calls.filter((call) => / to |start/.test(call)),
      [
        'start bench on vm-a with 1024, 0',
        'criu to vm-b',
        'start bench on vm-a with 1024, 5',
        'criu to vm-b',
        'portkey to vm-a',
      ],
    );
  });

  it('removes container and client whatever failed, each on its own, and says what failed first', async () => {
    const failure = new PortkeyError('service-unavailable', 'the controller is gone');
    const reject = (message: string) => () => Promise.reject(new Error(message));
    const failing: Partial<BenchTools>[] = [
      { migrate: () => Promise.reject(failure) },
      { startWorkload: () => Promise.reject(failure) },
    ];
    for (const changes of failing) {
      bench.calls.length = 0;
      await assert.rejects(bench.run(benchPlan(), changes), failure);
      assert.deepEqual(bench.calls.slice(-2), ['stop client of bench', 'stop bench']);
    }
    const { controller } = bench.tools();
    let started = false;
    const stuck = {
      controller: { ...controller, stop: reject('still there') },
      stopClient: () => (started ? reject('does not end')() : Promise.resolve()),
      startWorkload: () => {
        started = true;
        return Promise.reject(failure);
      },
    };
    await assert.rejects(bench.run(benchPlan(), stuck), failure);
    assert.match(bench.notes.join('\n'), /does not end\n.*still there/);
  });

  describe('before anything runs', () => {
    const placed = (labels: Record<string, string>): PlacedContainer => ({
      vm: 'vm-b',
      migrationState: '',
      container: {
        name: 'bench',
        ip: '',
        pid: 1,
        state: 'running',
        claim: null,
        spec: { ...redisContainer('bench', { memoryBytes: 1024, writeBytesPerSecond: 0 }), labels },
      },
    });

    it('removes what an earlier run left', async () => {
      bench.containers = [placed({ workload: 'redis' })];
      await bench.run(benchPlan({ repeat: 1 }));
      assert.deepEqual(bench.calls.slice(0, 3), [
        'stop bench',
        'stop client of bench',
        'start bench on vm-a with 1024, 0',
      ]);
    });

    it("leaves somebody else's container of that name alone", async () => {
      bench.containers = [placed({})];
      await assert.rejects(bench.run(benchPlan()), { code: 'container-exists', exitCode: 3 });
      assert.deepEqual(bench.calls, []);
    });

    it('refuses what would not fit into the VMs', async () => {
      await assert.rejects(bench.run(benchPlan({ sizes: [1024, 2 * gib] })), {
        code: 'no-room',
        exitCode: 3,
        message: /--vm-memory 8G/,
      });
      assert.deepEqual(bench.calls, ['stop client of bench']);
    });
  });
});
