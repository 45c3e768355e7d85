import assert from 'node:assert/strict';

import { median } from './index.js';

describe('the median', () => {
  it('is the middle one, or the mean of the two in the middle', () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 3, 2]), 2.5);
    assert.equal(median([10, 9]), 9.5);
    assert.equal(median([]), Number.NaN);
  });
});
