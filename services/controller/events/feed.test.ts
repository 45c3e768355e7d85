import assert from 'node:assert/strict';

import { Feed } from './feed.js';

async function collect(iterable: AsyncIterable<number>): Promise<number[]> {
  const all: number[] = [];
  for await (const item of iterable) all.push(item);
  return all;
}

describe('a feed', () => {
  it('gives every follower everything, whenever it came', async () => {
    const feed = new Feed<number>();
    feed.push(1);
    const early = collect(feed.follow());
    await Promise.resolve();
    feed.push(2);
    const late = collect(feed.follow());
    feed.push(3);
    feed.end();
    assert.deepEqual(await Promise.all([early, late, collect(feed.follow())]), [
      [1, 2, 3],
      [1, 2, 3],
      [1, 2, 3],
    ]);
  });

  it('lets a follower go without disturbing the others', async () => {
    const feed = new Feed<number>();
    const leaving = new AbortController();
    const [gone, stays] = [collect(feed.follow(leaving.signal)), collect(feed.follow())];
    feed.push(1);
    await new Promise(setImmediate);
    leaving.abort();
    assert.deepEqual(await gone, [1]);
    feed.push(2);
    feed.end();
    assert.deepEqual(await stays, [1, 2]);
  });
});
