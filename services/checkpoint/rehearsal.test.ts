import assert from 'node:assert/strict';

import { systemClock } from '../../libraries/process/index.js';
import { skip } from '../../tests/support/skip.js';
import { rehearse } from './rehearsal.js';
import { PagemapReader } from './scan/task-pagemap.js';

describe('the rehearsal', () => {
  it('plays migrations of its own process through, and lets others in between', async function () {
    if (process.getuid?.() !== 0) skip(this, 'only root sees page frames');
    let others = 0;
    // Turns of the event loop, whatever time they take on a busy machine.
    const count = (): void => {
      others += 1;
      next = setImmediate(count);
    };
    let next = setImmediate(count);
    try {
      await rehearse(new PagemapReader(1), systemClock);
    } finally {
      clearImmediate(next);
    }
    assert.ok(others > 10, `others had ${others} turns`);
  });
});
