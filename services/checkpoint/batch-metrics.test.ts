import assert from 'node:assert/strict';

import { Registry } from 'prom-client';

import { parseBatchPolicy, type BatchPolicy } from '../../libraries/hypercall/index.js';
import { BatchMetrics } from './batch-metrics.js';

async function metricsOf(...rounds: readonly BatchPolicy[]): Promise<string> {
  const registry = new Registry();
  const metrics = new BatchMetrics(registry);
  for (const policy of rounds) metrics.roundEnded(JSON.stringify(policy.describe()));
  return registry.metrics();
}

/** A policy that has sent two SENDs, answered together. */
function afterTwoSends(name: string): BatchPolicy {
  const policy = parseBatchPolicy(name);
  policy.scanned(2_000, 0.5);
  policy.isDue(
    { pages: 1_000, transferPages: 2_000, pagesSoFar: 1_000, hypercallSeconds: 0.25 },
    { sends: 0, pages: 0 },
  );
  policy.sent(1_000);
  policy.sent(1_000);
  policy.landed({ pages: 2_000, seconds: 1, starvedSeconds: 0.125, answered: 2 });
  return policy;
}

describe('the metrics of the control loop', () => {
  it('have what the adaptive batch went by, and what it did', async () => {
    const text = await metricsOf(afterTwoSends('adaptive'));
    assert.match(text, /^portkey_batch_sends_total 2$/m);
    assert.match(text, /^portkey_batch_suppressed_completions_total 1$/m);
    assert.match(text, /^portkey_round_starved_seconds_total 0\.125$/m);
    assert.match(text, /^portkey_batch_target_pages_sum 2000$/m);
    assert.match(text, /^portkey_batch_max_pages_sum 4000$/m);
    assert.match(text, /^portkey_batch_ahead_sends_sum 1$/m);
    assert.match(text, /^portkey_batch_hypercall_seconds_sum 0\.25$/m);
    assert.match(text, /^portkey_batch_scan_pages_per_second_sum 4000$/m);
    assert.match(text, /^portkey_batch_link_pages_per_second_sum 2000$/m);
    assert.match(text, /^portkey_batch_starved_seconds_sum 0\.125$/m);
  });

  it('have of a fixed batch only what there is', async () => {
    const text = await metricsOf(afterTwoSends('fixed:64'));
    assert.match(text, /^portkey_batch_target_pages_sum 64$/m);
    assert.match(text, /^portkey_batch_sends_total 2$/m);
    assert.match(text, /^portkey_batch_hypercall_seconds_count 0$/m);
  });

  it('count growing and shrinking from 0', async () => {
    const text = await metricsOf();
    assert.match(text, /^portkey_batch_changes_total\{direction="grown"\} 0$/m);
    assert.match(text, /^portkey_batch_changes_total\{direction="shrunk"\} 0$/m);
  });

  it('take nothing from a round that sent nothing', async () => {
    const learned = afterTwoSends('adaptive');
    learned.beginRound();
    const text = await metricsOf(afterTwoSends('adaptive'), learned);
    assert.match(text, /^portkey_batch_hypercall_seconds_count 1$/m);
  });
});
