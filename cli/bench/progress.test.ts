import assert from 'node:assert/strict';

import { planOf } from './plan.js';
import { BenchProgress, minutesText } from './progress.js';

describe('the progress of the experiment', () => {
  it('says which migration of how many, and about how long the rest takes', () => {
    let nowMs = 0;
    const lines: string[] = [];
    const clock = { monotonicMs: () => nowMs, wallTime: () => new Date(0), sleep: () => Promise.resolve() };
    const mib = 2 ** 20;
    const plan = planOf({
      sizes: [256 * mib, 768 * mib],
      writeRates: [0],
      modes: ['criu', 'portkey'],
      warmUp: 1,
      repeat: 1,
      floor: false,
      wholeVm: false,
    });
    const progress = new BenchProgress(plan, clock, (line) => lines.push(line));
    const step = (cellIndex: number, index: number): void => {
      const [cell, migration] = [plan.cells[cellIndex], plan.migrations[index]];
      assert.ok(cell !== undefined && migration !== undefined);
      progress.begins(cell, index, migration, 'vm-a → vm-b');
    };
    step(0, 0);
    nowMs = 240_000;
    step(0, 3);
    nowMs = 480_000;
    step(1, 0);
    assert.deepEqual(lines, [
      '[1 of 10] 256 MiB, idle: criu mode, vm-a → vm-b, not counted',
      '[4 of 10] 256 MiB, idle: criu mode, vm-a → vm-b, pair 1 of 1, about 16 min left',
      '[6 of 10] 768 MiB, idle: criu mode, vm-a → vm-b, not counted, about 16 min left',
    ]);
  });

  it('says times as one would', () => {
    assert.deepEqual([20, 59, 600, 9000].map(minutesText), ['a minute', '1 min', '10 min', '2 h 30 min']);
  });
});
