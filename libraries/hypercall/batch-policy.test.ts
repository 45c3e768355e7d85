import assert from 'node:assert/strict';

import { AdaptiveBatch } from './adaptive-batch.js';
import { FixedBatch } from './fixed-batch.js';
import { maxPagesPerSend } from './limits.js';

describe('a batch policy', () => {
  it('says what bounds a SEND and how far ahead it works, as it learns both', () => {
    const policy = new AdaptiveBatch();
    const bounds = (): unknown[] => [policy.describe().maxPages, policy.describe().ahead];
    assert.deepEqual(bounds(), [maxPagesPerSend, 1]);
    policy.landed({ pages: 1_000, seconds: 1, starvedSeconds: 0, answered: 1 });
    assert.deepEqual(bounds(), [2_000, 1]);
    // Held back, because the relay had two to do; and yet it starved.
    const collected = { pages: 1_500, transferPages: 100_000, pagesSoFar: 1_500, hypercallSeconds: 0 };
    assert.equal(policy.isDue(collected, { sends: 2, pages: 1_000 }), false);
    policy.landed({ pages: 1_000, seconds: 1, starvedSeconds: 0.01, answered: 1 });
    assert.deepEqual(bounds(), [2_000, 2]);
  });

  it('that is fixed goes by nothing', () => {
    const { maxPages, ahead, hypercallSeconds, linkPagesPerSecond } = new FixedBatch(7).describe();
    assert.deepEqual([maxPages, ahead, hypercallSeconds, linkPagesPerSecond], [7, null, null, null]);
  });
});
