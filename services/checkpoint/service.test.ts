import assert from 'node:assert/strict';

import { Registry } from 'prom-client';

import { Steps } from '../../libraries/agent/index.js';
import type { RoundProgress } from '../../libraries/rpc/index.js';
import type { Departures } from './departure.js';
import { RoundMetrics } from './metrics.js';
import { emptyResult, type RoundOptions } from './rounds/round.js';
import { checkpointHandlers, type ServiceParts } from './service.js';

describe('the checkpoint service', () => {
  it('tells a round in progress, in its result, in one line of the log, and in its counters', async () => {
    const result = { ...emptyResult, pages: 100, pagesMoved: 3, dirtyPagesAfter: 7, seconds: 0.5 };
    const departures = {
      round: (_migration: unknown, { onProgress }: RoundOptions) => {
        onProgress({ pagesSent: 50, pagesTotal: 100, hypercalls: 1 });
        return Promise.resolve(result);
      },
    };
    const lines: unknown[] = [];
    const log = { info: (fields: object, message: string) => lines.push({ ...fields, message }) };
    const registry = new Registry();
    const handlers = checkpointHandlers({
      departures: departures as unknown as Departures,
      steps: new Steps(log as never, registry),
      rounds: new RoundMetrics(registry),
    } as unknown as ServiceParts);
    const migration = { migrationId: 'm-1', container: 'web', epoch: 1 };
    const request = { migration, index: 2, last: false, pageServer: null };
    const messages: Partial<RoundProgress>[] = [];
    const round = handlers.Round(request as never, { signal: new AbortController().signal });
    for await (const message of round as AsyncIterable<Partial<RoundProgress>>) messages.push(message);
    assert.deepEqual(messages, [{ pagesSent: 50, pagesTotal: 100, hypercalls: 1 }, { result }]);
    const figures = { index: 2, last: false, pages: 100, pagesMoved: 3, dirtyPagesAfter: 7, seconds: 0.5 };
    assert.deepEqual(lines, [{ ...migration, ...figures, message: 'round' }]);
    const text = await registry.metrics();
    assert.match(text, /^portkey_round_pages_total 100$/m);
    assert.match(text, /^portkey_round_pages_moved_total 3$/m);
    assert.match(text, /^portkey_migration_steps_total\{step="round"\} 1$/m);
  });
});
