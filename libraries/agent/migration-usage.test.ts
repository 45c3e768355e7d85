import assert from 'node:assert/strict';

import fc from 'fast-check';

import type { AgentCpu } from './cpu-meter.js';
import { keptMigrations, MigrationUsage } from './migration-usage.js';

const at = (agentSeconds: number, programsSeconds = 0): AgentCpu => ({ agentSeconds, programsSeconds });

describe("a migration's usage", () => {
  it('is summed by step, and what was used between two steps is told as well', () => {
    const usage = new MigrationUsage();
    usage.add('m-1', 'begin', at(10, 1), at(11, 2));
    usage.add('m-1', 'round', at(11, 2), at(13, 2));
    usage.add('m-1', 'round', at(14, 2.5), at(15, 2.5));
    usage.add('m-1', 'dump', at(15, 2.5), at(15, 6));
    assert.deepEqual(usage.of('m-1'), [
      { step: 'begin', agentSeconds: 1, programsSeconds: 1 },
      { step: 'round', agentSeconds: 3, programsSeconds: 0 },
      { step: 'dump', agentSeconds: 0, programsSeconds: 3.5 },
      { step: 'between', agentSeconds: 1, programsSeconds: 0.5 },
    ]);
  });

  it('adds up to what the meter has moved, whatever the steps', () => {
    const tick = fc.nat({ max: 1000 });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom('round', 'freeze'), tick, tick)), (steps) => {
        const usage = new MigrationUsage();
        usage.add('m', 'prepare', at(5), at(5));
        let now = 5;
        for (const [step, idle, used] of steps) {
          usage.add('m', step, at(now + idle), at(now + idle + used));
          now += idle + used;
        }
        const total = usage.of('m').reduce((sum, { agentSeconds }) => sum + agentSeconds, 0);
        assert.equal(total, now - 5);
      }),
    );
  });

  it('is never below nothing, where steps overlap', () => {
    const usage = new MigrationUsage();
    usage.add('m', 'begin', at(0), at(4));
    usage.add('m', 'rollback', at(1), at(5));
    assert.deepEqual(usage.of('m').at(-1), { step: 'between', ...at(0) });
  });

  it('is not known of a migration whose beginning was not seen', () => {
    const usage = new MigrationUsage();
    usage.add('m-1', 'rollback', at(1), at(2));
    assert.throws(() => usage.of('m-1'), { code: 'migration-unknown' });
  });

  it('is kept for so many migrations', () => {
    const usage = new MigrationUsage();
    for (let number = 0; number <= keptMigrations; number += 1)
      usage.add(`m-${number}`, 'begin', at(number), at(number + 1));
    assert.throws(() => usage.of('m-0'), { code: 'migration-unknown' });
    assert.equal(usage.of('m-1').length, 2);
    assert.equal(usage.of(`m-${keptMigrations}`).length, 2);
  });
});
