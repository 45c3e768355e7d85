import assert from 'node:assert/strict';

import { isLocked, tryLock } from './lock.js';

describe('lock', () => {
  const name = `test-${process.pid}`;

  it('has one holder, until it is released', async () => {
    const lock = await tryLock(name);
    assert.ok(lock);
    assert.equal(await tryLock(name), undefined);
    assert.equal(await isLocked(name), true);
    await lock.release();
    assert.equal(await isLocked(name), false);
  });
});
