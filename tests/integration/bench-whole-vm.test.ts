/**
 * QEMU's whole-VM migration as a yardstick of the experiment, with everything around it made up.
 */
import assert from 'node:assert/strict';

import type { BenchTools } from '../../cli/bench/bench-tools.js';
import { PortkeyError } from '../../libraries/errors/index.js';
import { benchPlan, ScriptedBench } from './support/scripted-bench.js';

describe('whole-VM migration in the experiment', function () {
  this.timeout(20_000);
  let bench: ScriptedBench;

  beforeEach(async () => {
    bench = await ScriptedBench.start();
  });
  afterEach(() => bench[Symbol.asyncDispose]());

  const wholeVms = (): string[] => bench.calls.filter((call) => call.startsWith('whole VM'));

  it('is measured for each cell, when the container is gone and the floor known', async () => {
    await bench.run(benchPlan({ sizes: [1024], writeRates: [0, 5], warmUp: 0, repeat: 2, wholeVm: true }));
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
    await bench.run(benchPlan({ warmUp: 0, repeat: 1 }));
    assert.deepEqual(wholeVms(), []);
  });

  it('is a shortcoming where it fails, and the other cells go on', async () => {
    bench.wholeVmFate = (repetition) => {
      if (repetition === 2) throw new PortkeyError('command-failed', 'QEMU did not migrate the VM: no');
      return {};
    };
    await bench.run(benchPlan({ writeRates: [0, 5], warmUp: 0, floor: false, wholeVm: true }));
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
    await bench.run(
      benchPlan({ writeRates: [0, 5], warmUp: 0, repeat: 1, floor: false, wholeVm: true }),
      noRoom,
    );
    assert.deepEqual(asked, [0]);
    assert.deepEqual(bench.recorder.shortcomings, [
      'whole-VM migration with 1 KiB, idle was not measured: two more VMs of 4 GiB need 8 GiB',
    ]);
  });

  it('counts only where everything is found, which else is said', async () => {
    bench.wholeVmFate = (repetition) => (repetition === 1 ? { verified: false } : {});
    await bench.run(benchPlan({ warmUp: 0, floor: false, wholeVm: true }));
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
    await assert.rejects(
      bench.run(benchPlan({ writeRates: [0, 5], warmUp: 0, floor: false, wholeVm: true })),
      {
        code: 'cancelled',
      },
    );
    assert.deepEqual(wholeVms(), ['whole VM with 1024, 0', 'whole VM gone']);
    assert.deepEqual(bench.recorder.shortcomings, []);
    assert.equal((await bench.written()).wholeVm.length, 1);
  });
});
