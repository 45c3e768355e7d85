/** What the checkpoint service counts besides its steps: rounds, and what is decided in them. Never a migration. */
import { Counter, Histogram, type Registry } from 'prom-client';

import type { RoundResult } from '../../libraries/rpc/index.js';
import { BatchMetrics } from './batch-metrics.js';
import { FrozenDirtyMetrics } from './frozen-dirty-metrics.js';

const hypercallBuckets = [1, 2, 4, 8, 16, 32, 64, 128, 256, 1_024, 16_384, 262_144];

export class RoundMetrics {
  private readonly sent: Counter;
  private readonly moved: Counter;
  private readonly hypercalls: Histogram;
  private readonly batch: BatchMetrics;
  private readonly frozenDirty: FrozenDirtyMetrics;

  constructor(registry: Registry) {
    const registers = [registry];
    this.sent = new Counter({
      name: 'portkey_round_pages_total',
      help: 'Pages sent by rounds, pages sent again included.',
      registers,
    });
    this.moved = new Counter({
      name: 'portkey_round_pages_moved_total',
      help: 'Pages sent again because their frame had changed under the relay.',
      registers,
    });
    this.hypercalls = new Histogram({
      name: 'portkey_round_hypercalls',
      help: 'Hypercalls of a round.',
      buckets: hypercallBuckets,
      registers,
    });
    this.batch = new BatchMetrics(registry);
    this.frozenDirty = new FrozenDirtyMetrics(registry);
  }

  roundEnded({ pages, pagesMoved, hypercalls, feedback, frozenDirty }: RoundResult): void {
    this.sent.inc(pages);
    this.moved.inc(pagesMoved);
    if (frozenDirty !== null) this.frozenDirty.decided(frozenDirty);
    // In CRIU mode there is no loop.
    if (feedback === '') return;
    this.hypercalls.observe(hypercalls);
    this.batch.roundEnded(feedback);
  }
}
