import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';

import { CallsAtWork } from './calls-at-work.js';

function deferred(): { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } {
  let resolve: () => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<void>((onResolve, onReject) => ([resolve, reject] = [onResolve, onReject]));
  return { promise, resolve, reject };
}

describe('CallsAtWork', () => {
  it('waits for every call of the migration, also for those that fail', async () => {
    const calls = new CallsAtWork();
    const [first, second] = [deferred(), deferred()];
    const outcomes = Promise.allSettled([calls.add('m', first.promise), calls.add('m', second.promise)]);
    let isSettled = false;
    const settled = calls.settled('m').then(() => (isSettled = true));
    second.reject(new Error('the call failed'));
    await setImmediate();
    assert.equal(isSettled, false);
    first.resolve();
    await settled;
    assert.deepEqual(
      (await outcomes).map(({ status }) => status),
      ['fulfilled', 'rejected'],
    );
  });

  it('does not wait for other migrations, nor for what has ended', async () => {
    const calls = new CallsAtWork();
    const other = deferred();
    void calls.add('other', other.promise);
    await calls.add('m', Promise.resolve());
    await calls.settled('m');
    other.resolve();
  });
});
