import assert from 'node:assert/strict';

import { GuestLog } from './guest-log.js';

describe('the log of what a guest does', () => {
  it('has a bounded number of lines, and says how many were left out', () => {
    const lines: object[] = [];
    const keep = (fields: object): void => void lines.push(fields);
    let nowMs = 0;
    const log = new GuestLog({ info: keep, warn: keep }, { monotonicMs: () => nowMs });
    for (let frame = 0; frame < 1_000; frame += 1) log.write('warn', { frame }, 'a bad frame');
    assert.equal(lines.length, 20);
    assert.deepEqual(lines.at(-1), { frame: 19 });
    nowMs = 10_000;
    log.write('info', { frame: 1_000 }, 'ready');
    log.write('info', { frame: 1_001 }, 'ready');
    assert.deepEqual(lines.slice(20), [{ frame: 1_000, leftOut: 980 }, { frame: 1_001 }]);
  });
});
