/** What the checkpoint service counts besides its steps: rounds, and their control loop. Never a migration. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { z } from 'zod';

import type { RoundResult } from '../../libraries/rpc/index.js';

/** Of RoundResult.feedback, what is counted. */
const feedbackSchema = z.object({
  pages: z.number(),
  starvedSeconds: z.number(),
  grown: z.number(),
  shrunk: z.number(),
});
const hypercallBuckets = [1, 2, 4, 8, 16, 32, 64, 128, 256, 1_024, 16_384, 262_144];

export class RoundMetrics {
  private readonly sent: Counter;
  private readonly moved: Counter;
  private readonly hypercalls: Histogram;
  private readonly batchPages: Gauge;
  private readonly batchChanges: Counter<'direction'>;
  private readonly starved: Counter;

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
    this.batchPages = new Gauge({
      name: 'portkey_batch_pages',
      help: 'Pages that a SEND was to hold at the end of the latest round.',
      registers,
    });
    this.batchChanges = new Counter({
      name: 'portkey_batch_changes_total',
      help: 'How often the control loop doubled (grown) or halved (shrunk) the pages of a SEND.',
      labelNames: ['direction'],
      registers,
    });
    this.starved = new Counter({
      name: 'portkey_round_starved_seconds_total',
      help: 'Time in rounds that the relay had nothing to send, as it reported.',
      registers,
    });
  }

  roundEnded({ pages, pagesMoved, hypercalls, feedback }: RoundResult): void {
    this.sent.inc(pages);
    this.moved.inc(pagesMoved);
    // In CRIU mode there is no loop.
    if (feedback === '') return;
    this.hypercalls.observe(hypercalls);
    const loop = feedbackSchema.parse(JSON.parse(feedback));
    this.batchPages.set(loop.pages);
    this.batchChanges.inc({ direction: 'grown' }, loop.grown);
    this.batchChanges.inc({ direction: 'shrunk' }, loop.shrunk);
    this.starved.inc(loop.starvedSeconds);
  }
}
