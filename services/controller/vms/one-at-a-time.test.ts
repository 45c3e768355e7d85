import assert from 'node:assert/strict';

import { OneAtATime } from './one-at-a-time.js';

describe('a question put one at a time', () => {
  it('is put once for all that ask while another is under way, and not answered by that one', async () => {
    const answers: ((value: number) => void)[] = [];
    const question = new OneAtATime(() => new Promise<number>((resolve) => answers.push(resolve)));
    const first = question.ask();
    await new Promise(setImmediate);
    const others = [question.ask(), question.ask()];
    await new Promise(setImmediate);
    assert.equal(answers.length, 1);
    answers[0]?.(1);
    assert.equal(await first, 1);
    await new Promise(setImmediate);
    assert.equal(answers.length, 2);
    answers[1]?.(2);
    assert.deepEqual(await Promise.all(others), [2, 2]);
  });

  it('is put again after one that failed', async () => {
    let asked = 0;
    const question = new OneAtATime(() => {
      asked += 1;
      return asked === 1 ? Promise.reject(new Error('silence')) : Promise.resolve(asked);
    });
    const first = question.ask();
    await assert.rejects(first, { message: 'silence' });
    assert.equal(await question.ask(), 2);
  });
});
