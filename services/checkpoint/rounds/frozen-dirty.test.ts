import assert from 'node:assert/strict';

import { parseBatchPolicy } from '../../../libraries/hypercall/index.js';
import { systemClock } from '../../../libraries/process/index.js';
import { PortkeyRounds } from './portkey-round.js';

describe('the result of a round in Portkey mode', () => {
  it('tells of the frozen container, and of no other, what became of its dirty pages', async () => {
    const frozenDirty = { leftToCriu: true, dirtyPages: 3, totalPages: 1024, limitPages: 4 };
    const rounds = new PortkeyRounds({
      migrationId: 'simulated',
      client: {
        open: () => Promise.resolve(1),
        send: () => Promise.reject(new Error('there is nothing to send')),
        drop: () => Promise.reject(new Error('there is nothing to drop')),
        closeObject: () => Promise.resolve(),
        hypercallSeconds: 0,
      },
      policy: parseBatchPolicy('adaptive'),
      memory: {
        snapshot: (frozen) => {
          const nothing = { tasks: [], pausedSeconds: 0, keepsDirty: frozen };
          return Promise.resolve(frozen ? { ...nothing, frozenDirty } : nothing);
        },
      },
      clock: systemClock,
      cpuSeconds: () => 0,
    });
    const { signal } = new AbortController();
    const run = (index: number, last: boolean) =>
      rounds.run({ index, last, onProgress: () => undefined, signal });
    assert.equal((await run(0, false)).frozenDirty, null);
    assert.deepEqual((await run(1, true)).frozenDirty, frozenDirty);
  });
});
