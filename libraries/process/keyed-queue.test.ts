import assert from 'node:assert/strict';

import { KeyedQueue } from './index.js';

describe('a keyed queue', () => {
  it('runs work of one key in turn, also after a failure, and of other keys at once', async () => {
    const queue = new KeyedQueue();
    const events: string[] = [];
    const work = (name: string, fails: boolean) => async (): Promise<string> => {
      events.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, 5));
      events.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    };
    const prepare = queue.run('web', work('prepare', true));
    const discard = queue.run('web', work('discard', false));
    const other = queue.run('db', work('other', false));
    await assert.rejects(prepare, /prepare/);
    assert.deepEqual(await Promise.all([discard, other]), ['discard', 'other']);
    const ofWeb = events.filter((event) => !event.startsWith('other'));
    assert.deepEqual(ofWeb, ['prepare begins', 'prepare ends', 'discard begins', 'discard ends']);
    assert.ok(events.indexOf('other begins') < events.indexOf('prepare ends'));
  });
});
