import assert from 'node:assert/strict';

import { Registry } from 'prom-client';

import { RoundMetrics } from './metrics.js';
import { emptyResult } from './rounds/round.js';

describe('the metrics of rounds', () => {
  it('tell of frozen containers where their dirty pages went, and why', async () => {
    const registry = new Registry();
    const metrics = new RoundMetrics(registry);
    const frozen = { leftToCriu: true, dirtyPages: 12, totalPages: 65_536, limitPages: 256 };
    metrics.roundEnded(emptyResult);
    const before = await registry.metrics();
    assert.match(before, /^portkey_frozen_dirty_decisions_total\{action="left-to-criu"\} 0$/m);
    assert.match(before, /^portkey_frozen_dirty_decisions_total\{action="sent"\} 0$/m);
    metrics.roundEnded({ ...emptyResult, frozenDirty: frozen });
    metrics.roundEnded({ ...emptyResult, frozenDirty: { ...frozen, leftToCriu: false, dirtyPages: 300 } });
    const text = await registry.metrics();
    assert.match(text, /^portkey_frozen_dirty_decisions_total\{action="left-to-criu"\} 1$/m);
    assert.match(text, /^portkey_frozen_dirty_decisions_total\{action="sent"\} 1$/m);
    assert.match(text, /^portkey_frozen_dirty_pages_sum 312$/m);
    assert.match(text, /^portkey_frozen_pages_sum 131072$/m);
    assert.match(text, /^portkey_frozen_dirty_limit_pages_sum 512$/m);
    assert.match(text, /^portkey_frozen_dirty_limit_pages_count 2$/m);
  });
});
