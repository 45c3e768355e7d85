/**
 * The experiment with everything around it made up: containers, migrations and the floor; in the last part the
 * controller is a real gRPC server, and the migration is followed as the command line does.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { PassThrough } from 'node:stream';

import type { BenchTools } from '../../cli/bench/bench-tools.js';
import { planOf, type BenchPlan, type PlanOptions } from '../../cli/bench/plan.js';
import { runBench } from '../../cli/bench/run.js';
import { Controller } from '../../cli/controller.js';
import { migrate, wireModes } from '../../cli/migrate/migrate.js';
import { Output } from '../../cli/output.js';
import type { MigrationReport } from '../../cli/report/migration-report.js';
import { PortkeyError } from '../../libraries/errors/index.js';
import { systemClock } from '../../libraries/process/index.js';
import type { PlacedContainer } from '../../libraries/rpc/index.js';
import { redisContainer } from '../../testbed/workload/index.js';
import { sampleBenchMigration } from '../support/sample-bench.js';
import { ScriptedController } from '../support/scripted-controller.js';
import { ScriptedBench } from './support/scripted-bench.js';

const gib = 2 ** 30;

const plan = (options: Partial<PlanOptions> = {}): BenchPlan =>
  planOf({
    sizes: [1024],
    writeRates: [0],
    modes: ['criu', 'portkey'],
    warmUp: 1,
    repeat: 2,
    floor: true,
    wholeVm: false,
    ...options,
  });

describe('the experiment', function () {
  this.timeout(20_000);
  let bench: ScriptedBench;

  beforeEach(async () => {
    bench = await ScriptedBench.start();
  });
  afterEach(() => bench[Symbol.asyncDispose]());

  const run = (of: BenchPlan, changes: Partial<BenchTools> = {}): Promise<void> =>
    runBench(bench.tools(changes), of, bench.recorder);

  it('goes to and fro in turns, after warm-ups, and cleans up after each cell', async () => {
    await run(plan({ writeRates: [0, 5], floor: false }));
    const cell = (writes: number): string[] => [
      `start bench on vm-a with 1024, ${writes}`,
      ...['criu to vm-b', 'portkey to vm-a', 'criu to vm-b', 'portkey to vm-a', 'criu to vm-b', 'portkey to vm-a'], // prettier-ignore
      'stop client of bench',
      'stop bench',
    ];
    assert.deepEqual(bench.calls, ['stop client of bench', ...cell(0), ...cell(5)]);
    assert.deepEqual(bench.recorder.shortcomings, []);
  });

  it('marks warm-ups, and counts them nowhere', async () => {
    bench.fate = (number) => (number <= 2 ? { totalSeconds: 1000 } : { totalSeconds: number });
    await run(plan({ floor: false }));
    const { migrations, statistics } = await bench.written();
    assert.deepEqual(
      migrations.map(({ warmUp, repetition, requestedMode }) => [warmUp, repetition, requestedMode]),
      [
        [true, 1, 'criu'],
        [true, 1, 'portkey'],
        [false, 1, 'criu'],
        [false, 1, 'portkey'],
        [false, 2, 'criu'],
        [false, 2, 'portkey'],
      ],
    );
    assert.deepEqual(
      statistics.modes.map(({ count, totalSeconds }) => [count, totalSeconds?.maximum]),
      [
        [2, 5],
        [2, 6],
      ],
    );
    assert.deepEqual(statistics.savings[0]?.pairs, 2);
  });

  it('measures the floor once a size, when the container is gone', async () => {
    await run(plan({ sizes: [1024, 2048], writeRates: [0, 5], warmUp: 0 }));
    const floors = bench.calls.filter((call) => call.startsWith('floor'));
    assert.deepEqual(floors, ['floor of 1024', 'floor of 1024', 'floor of 2048', 'floor of 2048']);
    assert.equal(bench.calls[bench.calls.indexOf('floor of 1024') - 1], 'stop bench');
    assert.equal((await bench.written()).floor.length, 4);
  });

  it('goes on without the floor where that fails, which is no success', async () => {
    await run(plan(), { measureFloor: () => Promise.reject(new Error('no ip')) });
    assert.deepEqual(bench.recorder.shortcomings, ['the floor of 1 KiB was not measured: no ip']);
  });

  describe('whole-VM migration', () => {
    const wholeVms = (): string[] => bench.calls.filter((call) => call.startsWith('whole VM'));

    it('is measured for each cell, when the container is gone and the floor known', async () => {
      await run(plan({ sizes: [1024], writeRates: [0, 5], warmUp: 0, repeat: 2, wholeVm: true }));
      assert.deepEqual(wholeVms(), [
        ...['whole VM with 1024, 0', 'whole VM gone'],
        ...['whole VM with 1024, 5', 'whole VM gone'],
      ]);
      assert.equal(bench.calls[bench.calls.indexOf('whole VM with 1024, 0') - 1], 'floor of 1024');
      assert.equal(bench.calls[bench.calls.indexOf('whole VM with 1024, 5') - 1], 'stop bench');
      const { wholeVm, statistics } = await bench.written();
      assert.deepEqual(
        wholeVm.map(({ writeBytesPerSecond, repetition }) => [writeBytesPerSecond, repetition]),
        [
          [0, 1],
          [0, 2],
          [5, 1],
          [5, 2],
        ],
      );
      assert.deepEqual(
        statistics.wholeVm.map(({ count }) => count),
        [2, 2],
      );
      assert.deepEqual(bench.recorder.shortcomings, []);
    });

    it('is left out where it is not wanted', async () => {
      await run(plan({ warmUp: 0, repeat: 1 }));
      assert.deepEqual(wholeVms(), []);
    });

    it('is a shortcoming where it fails, and the other cells go on', async () => {
      bench.wholeVmFate = (repetition) => {
        if (repetition === 2) throw new PortkeyError('command-failed', 'QEMU did not migrate the VM: no');
        return {};
      };
      await run(plan({ writeRates: [0, 5], warmUp: 0, floor: false, wholeVm: true }));
      assert.deepEqual(bench.recorder.shortcomings, [
        'whole-VM migration with 1 KiB, idle was not measured: QEMU did not migrate the VM: no',
        'whole-VM migration with 1 KiB, 5 B/s was not measured: QEMU did not migrate the VM: no',
      ]);
      assert.equal((await bench.written()).wholeVm.length, 2);
    });

    it('is not tried again where there is no room for its VMs', async () => {
      const asked: number[] = [];
      const noRoom: Partial<BenchTools> = {
        migrateWholeVm: (cell) => {
          asked.push(cell.writeBytesPerSecond);
          throw new PortkeyError('no-room', 'two more VMs of 4 GiB need 8 GiB');
        },
      };
      await run(plan({ writeRates: [0, 5], warmUp: 0, repeat: 1, floor: false, wholeVm: true }), noRoom);
      assert.deepEqual(asked, [0]);
      assert.deepEqual(bench.recorder.shortcomings, [
        'whole-VM migration with 1 KiB, idle was not measured: two more VMs of 4 GiB need 8 GiB',
      ]);
    });

    it('counts only where everything is found, which else is said', async () => {
      bench.wholeVmFate = (repetition) => (repetition === 1 ? { verified: false } : {});
      await run(plan({ warmUp: 0, floor: false, wholeVm: true }));
      assert.deepEqual(bench.recorder.shortcomings, [
        'whole-VM migration with 1 KiB, idle: not everything was found where it arrived',
      ]);
      assert.deepEqual(
        (await bench.written()).statistics.wholeVm.map(({ count }) => count),
        [1],
      );
    });

    it('ends, and its VM with it, on Ctrl-C', async () => {
      bench.wholeVmFate = () => {
        bench.interrupt();
        return {};
      };
      await assert.rejects(run(plan({ writeRates: [0, 5], warmUp: 0, floor: false, wholeVm: true })), {
        code: 'cancelled',
      });
      assert.deepEqual(wholeVms(), ['whole VM with 1024, 0', 'whole VM gone']);
      assert.deepEqual(bench.recorder.shortcomings, []);
      assert.equal((await bench.written()).wholeVm.length, 1);
    });
  });

  it('goes on from where the container is when a migration fails', async () => {
    bench.fate = (number) => (number === 1 ? { outcome: 'rolled-back' } : {});
    await run(plan({ warmUp: 0, floor: false, repeat: 1 }));
    assert.deepEqual(
      bench.calls.filter((call) => call.includes(' to ')),
      ['criu to vm-b', 'portkey to vm-b'],
    );
    assert.deepEqual(bench.recorder.shortcomings, ['1 KiB, idle, criu mode: the migration was rolled-back']);
  });

  it('says so when a migration fell back to the other mode', async () => {
    bench.fate = (number) => (number === 2 ? { mode: 'criu' } : {});
    await run(plan({ warmUp: 0, floor: false, repeat: 1 }));
    assert.deepEqual(bench.recorder.shortcomings, [
      '1 KiB, idle, portkey mode: the migration fell back to criu mode',
    ]);
    assert.deepEqual((await bench.written()).statistics.savings, []);
  });

  it('ends where data was lost, and keeps what it has', async () => {
    bench.fate = (number) => (number === 3 ? { verified: false } : {});
    await assert.rejects(run(plan({ writeRates: [0, 5] })), {
      code: 'command-failed',
      message: 'migration m3 in criu mode lost data; stopped there',
    });
    assert.deepEqual(bench.calls.slice(-2), ['stop client of bench', 'stop bench']);
    assert.equal((await bench.written()).migrations.length, 3);
  });

  it('ends the cell whose connection broke', async () => {
    bench.fate = (number) => (number === 1 ? { connectionKept: false } : {});
    await run(plan({ writeRates: [0, 5], warmUp: 0, repeat: 1, floor: false }));
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
      await assert.rejects(run(plan(), changes), failure);
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
    await assert.rejects(run(plan(), stuck), failure);
    assert.match(bench.notes.join('\n'), /does not end\n.*still there/);
  });

  describe('before anything runs', () => {
    const placed = (labels: Record<string, string>): PlacedContainer => ({
      vm: 'vm-b',
      container: {
        name: 'bench',
        ip: '',
        pid: 1,
        state: 'running',
        spec: { ...redisContainer('bench', { memoryBytes: 1024, writeBytesPerSecond: 0 }), labels },
      },
    });

    it('removes what an earlier run left', async () => {
      bench.containers = [placed({ workload: 'redis' })];
      await run(plan({ repeat: 1 }));
      assert.deepEqual(bench.calls.slice(0, 3), [
        'stop bench',
        'stop client of bench',
        'start bench on vm-a with 1024, 0',
      ]);
    });

    it("leaves somebody else's container of that name alone", async () => {
      bench.containers = [placed({})];
      await assert.rejects(run(plan()), { code: 'container-exists', exitCode: 3 });
      assert.deepEqual(bench.calls, []);
    });

    it('refuses what would not fit into the VMs', async () => {
      await assert.rejects(run(plan({ sizes: [1024, 2 * gib] })), {
        code: 'no-room',
        exitCode: 3,
        message: /--vm-memory 8G/,
      });
      assert.deepEqual(bench.calls, ['stop client of bench']);
    });
  });

  describe('on Ctrl-C', () => {
    it('stops while it starts a container', async () => {
      const startWorkload = (): Promise<never> => {
        bench.interrupt();
        return Promise.reject(bench.stopping.signal.reason as Error);
      };
      await assert.rejects(run(plan(), { startWorkload }), { code: 'cancelled' });
      assert.deepEqual(bench.calls.slice(-2), ['stop client of bench', 'stop bench']);
      assert.deepEqual(bench.notes.slice(-1), ['stopping: cleaning up first']);
    });

    it('stops while it measures the floor, which is no failure of the floor', async () => {
      const measureFloor = (): Promise<never> => {
        bench.interrupt();
        return Promise.reject(new Error('killed'));
      };
      await assert.rejects(run(plan(), { measureFloor }), { code: 'cancelled' });
      assert.deepEqual(bench.recorder.shortcomings, []);
      assert.equal(bench.recorder.file().migrations.length, 6);
    });

    describe('during a migration', () => {
      let controller: ScriptedController;
      beforeEach(async () => {
        controller = await ScriptedController.start();
      });
      afterEach(() => controller[Symbol.asyncDispose]());

      /** Runs it with one migration that is interrupted and then ends like this. */
      const interrupted = async (ending: Partial<MigrationReport>): Promise<void> => {
        const cell = { memoryBytes: 1024, writeBytesPerSecond: 0 };
        const sample = sampleBenchMigration(cell, { mode: 'criu', repetition: 1, warmUp: true });
        controller.migrateEvents = async function* (cancelled) {
          yield { id: 'm1', state: 'precopy', kind: 'transition', text: 'sending', at: '' };
          bench.interrupt();
          await cancelled;
          yield {
            id: 'm1',
            state: 'over',
            text: '',
            at: '',
            report: JSON.stringify({ ...sample, ...ending }),
          };
        };
        const output = new Output({ json: false, verbose: false }, new PassThrough(), new PassThrough());
        const place = {
          runtimeFolder: bench.folder,
          logFolder: bench.folder,
          namespace: undefined,
          metrics: '',
        };
        using client = new Controller(controller.address);
        const real: Partial<BenchTools> = {
          migrate: ({ mode, ...request }) =>
            migrate({ output, clock: systemClock, interrupts: bench.stopping.interrupts }, client, place, {
              ...request,
              mode: wireModes[mode],
            }),
        };
        await assert.rejects(run(plan(), real), {
          code: 'cancelled',
          message: 'stopped on request before everything had run',
        });
        assert.ok(controller.calls.includes('CancelMigration'));
        assert.deepEqual(bench.calls.slice(-2), ['stop client of bench', 'stop bench']);
      };

      it('has that one rolled back, and stops with what there is', async () => {
        await interrupted({ outcome: 'rolled-back' });
        assert.deepEqual(await bench.recorder.finish(), [
          path.join(bench.folder, 'bench.json'),
          path.join(bench.folder, 'bench.html'),
        ]);
        assert.deepEqual(
          (await bench.written()).migrations.map(({ outcome }) => outcome),
          ['rolled-back'],
        );
      });

      it('stops, too, where that came too late', async () => {
        await interrupted({ outcome: 'completed' });
        assert.equal(bench.recorder.file().migrations.length, 1);
      });
    });
  });
});
