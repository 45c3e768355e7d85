import assert from 'node:assert/strict';

import { parseFeedback } from './feedback.js';

describe('what an agent says of a round', () => {
  it('is kept as a value, or as the text that it is', () => {
    assert.deepEqual(parseFeedback('{"pages":3}'), { pages: 3 });
    assert.equal(parseFeedback('no JSON'), 'no JSON');
    assert.equal(parseFeedback(''), null);
  });

  it('is not kept where it is more than a record may have', () => {
    const list = (elements: number): string => `[${Array(elements).fill('{}').join()}]`;
    assert.equal((parseFeedback(list(5_000)) as object[]).length, 5_000);
    assert.equal(parseFeedback(list(6_000)), null);
  });
});
