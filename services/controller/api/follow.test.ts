import assert from 'node:assert/strict';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { defaultLimits } from '../limits.js';
import type { Journal } from '../events/journal.js';
import { Feed } from '../events/feed.js';
import type { MigrationEvent } from '../state/index.js';
import { follow, type FollowParts } from './follow.js';

const silence = new PortkeyError('state-store-unavailable', 'Redis does not answer');

function event(text: string, report = ''): MigrationEvent {
  return { id: 'm-1', state: 'preflight', kind: 'transition', text, at: `at ${text}`, data: '', report };
}

/** A Redis that falls silent with the first question, while `begun` says whether this controller has begun. */
function partsWith(begun: () => Journal | undefined): FollowParts {
  const parts = {
    store: { readEvents: () => Promise.reject(silence) },
    migrations: { getRecord: () => Promise.reject(silence) },
    clock: { sleep: () => Promise.resolve() },
    limits: defaultLimits,
    journalOf: begun,
  };
  return parts as unknown as FollowParts;
}

async function textsOf(parts: FollowParts): Promise<string[]> {
  const texts: string[] = [];
  for await (const { text } of follow(parts, 'm-1', new AbortController().signal)) texts.push(text);
  return texts;
}

describe('a client that follows a migration', () => {
  it('is told by the controller that has begun with it while Redis, asked before, fell silent', async () => {
    const feed = new Feed<MigrationEvent>();
    for (const each of [event('preflight'), event('refused', '{}')]) feed.push(each);
    assert.deepEqual(await textsOf(partsWith(() => feed as unknown as Journal)), ['preflight', 'refused']);
  });

  it('is told that Redis does not answer where nobody here knows the migration', async () => {
    await assert.rejects(textsOf(partsWith(() => undefined)), { code: 'state-store-unavailable' });
  });
});
