import assert from 'node:assert/strict';

import { requireCapHeld, type CappedSeconds } from './capped.js';

describe('holding a bandwidth cap to 5 %', () => {
  /** How often a migration that takes so long each time is tried; the last time goes on. */
  async function tries(...timed: readonly CappedSeconds[]): Promise<number> {
    let tried = 0;
    await requireCapHeld((attempt) => {
      tried = attempt;
      return Promise.resolve(timed[attempt - 1] ?? timed.at(-1) ?? { pages: 2, images: 2 });
    });
    return tried;
  }

  it('lets both ends of the range pass', async () => {
    assert.equal(await tries({ pages: 1.9, images: 2.1 }), 1);
  });

  it('tries again where it was too slow, and no more than twice', async () => {
    const slow = { pages: 2, images: 2.11 };
    assert.equal(await tries(slow, slow, { pages: 2, images: 2 }), 3);
    await assert.rejects(tries(slow), /images took 2\.11 s for 2 s, the last of 3 times/);
  });

  it('takes no second try where it was too fast', async () => {
    const [slow, fast] = [
      { pages: 2.5, images: 2 },
      { pages: 2, images: 1.89 },
    ];
    await assert.rejects(tries(fast, { pages: 2, images: 2 }), /images took 1\.89 s for 2 s: too fast/);
    await assert.rejects(tries(slow, fast, { pages: 2, images: 2 }), /too fast/);
  });
});
