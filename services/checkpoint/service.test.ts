import assert from 'node:assert/strict';

import { Registry } from 'prom-client';

import { Steps } from '../../libraries/agent/index.js';
import { parseBatchPolicy } from '../../libraries/hypercall/index.js';
import type { RoundProgress, Usage } from '../../libraries/rpc/index.js';
import type { Departures } from './departure.js';
import { RoundMetrics } from './metrics.js';
import { emptyResult, type RoundOptions } from './rounds/round.js';
import { checkpointHandlers, type ServiceParts } from './service.js';

describe('the checkpoint service', () => {
  it('tells a round in progress, in its result, in one line of the log, and in its counters', async () => {
    const policy = parseBatchPolicy('adaptive');
    policy.sent(100);
    policy.landed({ pages: 100, seconds: 0.4, starvedSeconds: 0.25, answered: 1 });
    const result = {
      ...{ ...emptyResult, pages: 100, pagesMoved: 3, dirtyPagesAfter: 7, seconds: 0.5, hypercalls: 5 },
      feedback: JSON.stringify(policy.describe()),
    };
    let nowMs = 0;
    const departures = {
      round: (_migration: unknown, { onProgress }: RoundOptions) => {
        onProgress({ pagesSent: 40, pagesTotal: 100, hypercalls: 1 });
        nowMs = 1000;
        onProgress({ pagesSent: 50, pagesTotal: 100, hypercalls: 1 });
        return Promise.resolve(result);
      },
    };
    const lines: unknown[] = [];
    const cpu = { agentSeconds: 0, programsSeconds: 0 };
    const log = { info: (fields: object, message: string) => lines.push({ ...fields, message }) };
    const registry = new Registry();
    const handlers = checkpointHandlers({
      departures: departures as unknown as Departures,
      steps: new Steps('checkpoint', log as never, registry, () => cpu),
      rounds: new RoundMetrics(registry),
      clock: { monotonicMs: () => nowMs },
    } as unknown as ServiceParts);
    const migration = { migrationId: 'm-1', container: 'web', epoch: 1 };
    const request = { migration, index: 2, last: false, pageServer: null };
    const messages: Partial<RoundProgress>[] = [];
    const round = handlers.Round(request as never, {
      signal: new AbortController().signal,
      caller: undefined,
    });
    for await (const message of round as AsyncIterable<Partial<RoundProgress>>) messages.push(message);
    assert.deepEqual(messages, [{ pagesSent: 50, pagesTotal: 100, hypercalls: 1 }, { result }]);
    const figures = { index: 2, last: false, pages: 100, pagesMoved: 3, dirtyPagesAfter: 7, seconds: 0.5 };
    assert.deepEqual(lines, [{ ...migration, ...figures, ...cpu, message: 'round' }]);
    const text = await registry.metrics();
    assert.match(text, /^portkey_round_pages_total 100$/m);
    assert.match(text, /^portkey_round_pages_moved_total 3$/m);
    assert.match(text, /^portkey_round_hypercalls_sum 5$/m);
    assert.match(text, /^portkey_batch_pages 16384$/m);
    assert.match(text, /^portkey_batch_changes_total\{direction="grown"\} 0$/m);
    assert.match(text, /^portkey_round_starved_seconds_total 0\.25$/m);
    assert.match(text, /^portkey_batch_sends_total 1$/m);
    assert.match(text, /^portkey_batch_link_pages_per_second_sum 250$/m);
    assert.match(text, /^portkey_migration_steps_total\{step="round"\} 1$/m);
  });

  it('knows what the rounds of a migration used, and logs of the frozen one where its dirty pages went', async () => {
    let looks = 0;
    const registry = new Registry();
    const lines: object[] = [];
    const frozenDirty = { leftToCriu: true, dirtyPages: 3, totalPages: 1024, limitPages: 4 };
    const meter = () => ({ agentSeconds: (looks += 1), programsSeconds: 0 });
    const handlers = checkpointHandlers({
      departures: {
        begin: () => Promise.resolve(),
        round: (_migration: unknown, { last }: RoundOptions) =>
          Promise.resolve(last ? { ...emptyResult, frozenDirty } : emptyResult),
      },
      steps: new Steps(
        'checkpoint',
        { info: (fields: object) => lines.push(fields) } as never,
        registry,
        meter,
      ),
      rounds: new RoundMetrics(registry),
      clock: { monotonicMs: () => 0 },
      nodeInfo: { requireBoot: () => Promise.resolve() },
    } as unknown as ServiceParts);
    const migration = { migrationId: 'm-1', container: 'web', epoch: 1 };
    const context = { signal: new AbortController().signal, caller: undefined };
    await handlers.Begin({ migration } as never, context);
    for (const last of [false, false, true]) {
      const round = handlers.Round({ migration, index: 0, last, pageServer: null } as never, context);
      for await (const message of round as AsyncIterable<object>) assert.ok(message);
    }
    assert.deepEqual(
      lines.flatMap((line) => ('frozenDirty' in line ? [line.frozenDirty] : [])),
      [frozenDirty],
    );
    const { steps } = (await handlers.GetUsage(migration as never, context)) as Usage;
    assert.deepEqual(
      steps.map(({ step, agentSeconds }) => [step, agentSeconds]),
      [
        ['begin', 1],
        ['round', 2],
        ['last-round', 1],
        ['between', 3],
      ],
    );
  });
});
