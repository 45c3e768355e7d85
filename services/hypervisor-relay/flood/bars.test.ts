import assert from 'node:assert/strict';

import { mostGrownBytes, verdictOf } from './bars.js';

const good = {
  calmSeconds: 1,
  floodedSeconds: 1.1,
  ratios: [1, 1.2, 9],
  relayCores: 0.1,
  grownBytes: 2 ** 20,
};

describe('the bars of a flood', () => {
  it('are for the time of another VM’s migration, and for the relay’s memory', () => {
    assert.ok(verdictOf('opens', good).isMet);
    const slow = verdictOf('opens', { ...good, ratios: [1, 1.21, 9] });
    assert.ok(!slow.isMet);
    assert.match(slow.text, /1\.21 × \(at most 1\.2: missed\).* grew by 1 MiB \(at most 128 MiB: met\)$/);
    const large = verdictOf('opens', { ...good, grownBytes: mostGrownBytes + 1 });
    assert.ok(!large.isMet);
    assert.match(large.text, /\(at most 1\.2: met\).*\(at most 128 MiB: missed\)$/);
  });

  it('have none for the time where the flood is a migration, too, but one for memory', () => {
    assert.ok(verdictOf('sends', { ...good, ratios: [3] }).isMet);
    assert.ok(!verdictOf('sends', { ...good, grownBytes: mostGrownBytes + 1 }).isMet);
  });

  it('are not met by what could not be measured', () => {
    assert.ok(!verdictOf('opens', { ...good, ratios: [Number.NaN] }).isMet);
    assert.ok(!verdictOf('sends', { ...good, grownBytes: Number.NaN }).isMet);
  });
});
