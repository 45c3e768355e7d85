import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

import { WriteTurns } from './write-turns.js';

/** Adds to a counter in two steps, which two threads at a time would do wrong. */
const thread = `
const { workerData } = require('node:worker_threads');
import(workerData.module).then(({ WriteTurns }) => {
  const turns = new WriteTurns(workerData.shared);
  const counter = new Int32Array(workerData.counter);
  for (let time = 0; time < workerData.times; time += 1) {
    turns.write(workerData.object, () => {
      const before = counter[0];
      for (let spin = 0; spin < 50; spin += 1) Atomics.load(counter, 0);
      counter[0] = before + 1;
    });
  }
});`;

describe('turns at writing an object', () => {
  const module = new URL('./write-turns.js', import.meta.url).href;

  it('are one thread’s at a time, and nobody is left waiting', async () => {
    const { shared } = new WriteTurns();
    const counter = new SharedArrayBuffer(4);
    const times = 20_000;
    const workerData = { module, shared, counter, times, object: 3 };
    const workers = [1, 2, 3].map(() => new Worker(thread, { eval: true, workerData }));
    const codes = await Promise.all(workers.map(async (worker) => (await once(worker, 'exit')) as unknown[]));
    assert.deepEqual(codes, [[0], [0], [0]]);
    assert.equal(new Int32Array(counter)[0], 3 * times);
  });

  it('come back from a failed write, and from a thread that is gone', () => {
    const turns = new WriteTurns();
    assert.throws(() => turns.write(1, () => assert.fail('full')), { message: 'full' });
    turns.write(1, () => {
      // As if this thread never came back: the next one waits in vain, and then goes on.
      let wasWritten = false;
      new WriteTurns(turns.shared).write(1, () => (wasWritten = true));
      assert.ok(wasWritten);
    });
  });
});
