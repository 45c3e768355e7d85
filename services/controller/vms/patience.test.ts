import assert from 'node:assert/strict';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { systemClock } from '../../../libraries/process/index.js';
import { Patience } from './patience.js';

const ranOut = (): Promise<never> => Promise.reject(new PortkeyError('deadline-exceeded', 'no answer'));

/** A question that is answered when the test says so. */
function question(): { put: () => Promise<string>; answer: (text: string) => void; count: () => number } {
  let count = 0;
  let answer: (text: string) => void = () => undefined;
  const put = (): Promise<string> => {
    count += 1;
    return new Promise((resolve) => (answer = resolve));
  };
  return { put, answer: (text) => answer(text), count: () => count };
}

describe('a VM that does not answer', () => {
  it('is waited for briefly once it has let a question run out', async () => {
    const patience = new Patience(systemClock, 30);
    const { put } = question();
    await assert.rejects(patience.ask('vm-a', ranOut), { message: 'no answer' });
    const startMs = performance.now();
    await assert.rejects(patience.ask('vm-a', put), { code: 'deadline-exceeded', message: /^vm-a has not/ });
    assert.ok(performance.now() - startMs < 1_000);
  });

  it('is asked one question at a time, and is heard again', async () => {
    const patience = new Patience(systemClock, 30);
    const { put, answer, count } = question();
    await assert.rejects(patience.ask('vm-a', ranOut));
    for (let ask = 0; ask < 3; ask += 1)
      await assert.rejects(patience.ask('vm-a', put), { code: 'deadline-exceeded' });
    assert.equal(count(), 1);
    answer('late');
    // As patiently as ever: it is answered after longer than a silent one is waited for.
    const asked = patience.ask('vm-a', put);
    await systemClock.sleep(90);
    answer('new');
    assert.equal(await asked, 'new');
  });

  it('does not answer with what others have asked before', async () => {
    const patience = new Patience(systemClock, 1_000);
    const { put, answer } = question();
    await assert.rejects(patience.ask('vm-a', ranOut));
    const [first, second] = [patience.ask('vm-a', put), patience.ask('vm-a', () => Promise.resolve('now'))];
    answer('before');
    assert.deepEqual(await Promise.all([first, second]), ['before', 'now']);
  });

  it('costs no other VM its time', async () => {
    const patience = new Patience(systemClock, 30);
    await assert.rejects(patience.ask('vm-a', ranOut));
    const { put, answer } = question();
    const asked = patience.ask('vm-b', put);
    await systemClock.sleep(90);
    answer('slow');
    assert.equal(await asked, 'slow');
  });

  it('that cannot be reached at all is none of those', async () => {
    const patience = new Patience(systemClock, 30);
    const dead = (): Promise<never> => Promise.reject(new PortkeyError('service-unavailable', 'nobody'));
    await assert.rejects(patience.ask('vm-a', dead));
    const { put, answer } = question();
    const asked = patience.ask('vm-a', put);
    await systemClock.sleep(90);
    answer('slow');
    assert.equal(await asked, 'slow');
  });
});
