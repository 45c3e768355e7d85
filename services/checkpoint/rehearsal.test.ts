import assert from 'node:assert/strict';

import { systemClock } from '../../libraries/process/index.js';
import { skip } from '../../tests/support/skip.js';
import { rehearse } from './rehearsal.js';
import { PagemapReader } from './scan/task-pagemap.js';

describe('the rehearsal', () => {
  it('plays migrations of its own process through, and lets others in between', async function () {
    if (process.getuid?.() !== 0) skip(this, 'only root sees page frames');
    let others = 0;
    const timer = setInterval(() => (others += 1), 1);
    try {
      await rehearse(new PagemapReader(1), systemClock);
    } finally {
      clearInterval(timer);
    }
    assert.ok(others > 10, `others had ${others} turns`);
  });
});
