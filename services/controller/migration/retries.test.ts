import assert from 'node:assert/strict';

import { nextTryId, nextWish } from './retries.js';
import type { Wish } from './wish.js';

const wish: Wish = {
  ...{
    id: 'm-1-4f2a',
    container: 'web',
    from: '',
    to: 'vm-b',
    mode: 'portkey',
    maxDowntimeSeconds: 1,
    maxRounds: 8,
  },
  ...{ bytesPerSecond: 0, batch: 'adaptive', throttle: false, verify: false, retries: 12, tries: 1 },
};

describe('ids of further tries', () => {
  it('are those of the first, and the number of the try', () => {
    const ids: string[] = [];
    for (let current = wish; current.retries > 0;) {
      current = nextWish(current, nextTryId(current));
      ids.push(current.id);
    }
    assert.deepEqual([ids[0], ids[1], ids.at(-1)], ['m-1-4f2a-2', 'm-1-4f2a-3', 'm-1-4f2a-13']);
    assert.equal(new Set(ids).size, 12);
  });

  it('take nothing off an id that was given in another way', () => {
    assert.equal(nextTryId({ ...wish, id: 'm-1-4f2a', tries: 2 }), 'm-1-4f2a-3');
  });
});
