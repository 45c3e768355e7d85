import assert from 'node:assert/strict';

import fc from 'fast-check';

import type { ModeName } from '../options.js';
import { planOf, type PlanOptions } from './plan.js';

const options: PlanOptions = {
  sizes: [1, 2],
  writeRates: [0, 5],
  modes: ['criu', 'portkey'],
  warmUp: 1,
  repeat: 3,
  floor: true,
  wholeVm: true,
};

describe('the plan of the experiment', () => {
  it('has every size with every write rate, each once', () => {
    const { cells } = planOf({ ...options, sizes: [1, 2, 1] });
    assert.deepEqual(
      cells.map(({ memoryBytes, writeBytesPerSecond }) => [memoryBytes, writeBytesPerSecond]),
      [
        [1, 0],
        [1, 5],
        [2, 0],
        [2, 5],
      ],
    );
  });

  it('warms up in each mode, and lets the modes take turns in pairs, between which direction is turned', () => {
    const { migrations } = planOf({ ...options, repeat: 3 });
    assert.deepEqual(
      migrations.map(({ mode, repetition, warmUp }) => [mode, repetition, warmUp]),
      [
        ['criu', 1, true],
        ['portkey', 1, true],
        ['portkey', 1, true],
        ['criu', 1, false],
        ['portkey', 1, false],
        ['portkey', 2, true],
        ['criu', 2, false],
        ['portkey', 2, false],
        ['portkey', 3, true],
        ['criu', 3, false],
        ['portkey', 3, false],
      ],
    );
    assert.equal(
      planOf({ ...options, warmUp: 0, repeat: 1 }).migrations.filter(({ warmUp }) => warmUp).length,
      0,
    );
  });

  it('sends each mode each way equally often, or once more', () => {
    const someModes = fc.uniqueArray(fc.constantFrom<ModeName>('criu', 'portkey'), { minLength: 1 });
    fc.assert(
      fc.property(someModes, fc.nat(4), fc.integer({ min: 1, max: 9 }), (modes, warmUp, repeat) => {
        const { migrations } = planOf({ ...options, modes, warmUp, repeat });
        for (const mode of modes) {
          // To and fro: where all complete, every second one leaves home.
          const ways = [...migrations.entries()]
            .filter(([, each]) => each.mode === mode && !each.warmUp)
            .map(([index]) => index % 2);
          const away = ways.filter((way) => way === 0).length;
          assert.ok(Math.abs(2 * away - ways.length) <= 1, `${mode}: ${away} of ${ways.length}`);
        }
      }),
    );
  });

  it('has every mode as often as every other, and no repetition of a mode twice', () => {
    const someModes = fc.array(fc.constantFrom<ModeName>('criu', 'portkey'), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(someModes, fc.nat(3), fc.integer({ min: 1, max: 9 }), (modes, warmUp, repeat) => {
        const plan = planOf({ ...options, modes, warmUp, repeat });
        for (const mode of plan.modes) {
          const measured = plan.migrations.filter((each) => each.mode === mode && !each.warmUp);
          assert.deepEqual(
            measured.map(({ repetition }) => repetition),
            Array.from({ length: repeat }, (_, index) => index + 1),
          );
        }
        const repetitions = warmUp + repeat;
        const turns = plan.modes.length === 2 ? repetitions - 1 : 0;
        assert.equal(plan.migrations.length, plan.modes.length * repetitions + turns);
      }),
    );
  });
});
