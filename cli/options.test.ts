import assert from 'node:assert/strict';

import { InvalidArgumentError } from 'commander';

import { bandwidth, downtime } from './options.js';

describe('limits of a migration', () => {
  it('are whole numbers of what the wire has', () => {
    assert.deepEqual([downtime('50ms'), downtime('0.2ms'), downtime('2s')], [50, 1, 2000]);
    assert.deepEqual([bandwidth('1gbit'), bandwidth('8bit')], [125_000_000, 1]);
  });

  it('are never zero, which the wire takes for the default', () => {
    for (const text of ['0ms', '0.0s', '1000m']) assert.throws(() => downtime(text), InvalidArgumentError);
    for (const text of ['0gbit', '1bit']) assert.throws(() => bandwidth(text), InvalidArgumentError);
  });
});
