import assert from 'node:assert/strict';

import { Turns } from './turns.js';

describe('turns', () => {
  it('come one at a time for one name, in their order, whatever the one before ends with', async () => {
    const turns = new Turns();
    const told: string[] = [];
    const work =
      (name: string, fails = false) =>
      async () => {
        told.push(`${name} begins`);
        await new Promise(setImmediate);
        told.push(`${name} ends`);
        if (fails) throw new Error(name);
        return name;
      };
    const all = [
      turns.take('m-1', work('first', true)),
      turns.take('m-1', work('second')),
      turns.take('m-2', work('other')),
    ];
    const results = await Promise.allSettled(all);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['rejected', 'fulfilled', 'fulfilled'],
    );
    const ofOne = told.filter((text) => !text.startsWith('other'));
    assert.deepEqual(ofOne, ['first begins', 'first ends', 'second begins', 'second ends']);
    assert.ok(told.indexOf('other begins') < told.indexOf('first ends'), 'it waited for another name');
  });
});
