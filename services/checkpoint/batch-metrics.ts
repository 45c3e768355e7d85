/**
 * The control loop of the hypercalls, round by round, for Prometheus: what it went by and what it did.
 *
 * Limits: as it stood at the end of each round; the relay counts each SEND (portkey_send_pages). What a policy does not
 * measure, or what nothing limits, is left out, and so are rounds that sent nothing.
 */
import { Counter, Gauge, type Registry } from 'prom-client';
import { z } from 'zod';

import { counterFromZero, Figures, type Figure } from '../../libraries/service/index.js';

/** Of RoundResult.feedback, what is counted. */
const feedbackSchema = z.object({
  pages: z.number(),
  maxPages: z.number(),
  ahead: z.number().nullable(),
  sends: z.number(),
  starvedSeconds: z.number(),
  grown: z.number(),
  shrunk: z.number(),
  suppressedCompletions: z.number(),
  hypercallSeconds: z.number().nullable(),
  scanPagesPerSecond: z.number().nullable(),
  linkPagesPerSecond: z.number().nullable(),
});

type Feedback = z.infer<typeof feedbackSchema>;

const pageBuckets = [1, 4, 16, 64, 256, 1_024, 2_048, 4_096, 8_192, 16_384];
const costBuckets = [30e-6, 100e-6, 300e-6, 1e-3, 3e-3, 10e-3, 30e-3];
/** From 4 MiB/s to 64 GiB/s. */
const rateBuckets = [10, 12, 14, 16, 17, 18, 19, 20, 22, 24].map((power) => 2 ** power);

const figures: readonly Figure<Feedback>[] = [
  {
    name: 'portkey_batch_target_pages',
    help: 'Pages that a SEND was to hold at the end of a round.',
    buckets: pageBuckets,
    of: (loop) => loop.pages,
  },
  {
    name: 'portkey_batch_max_pages',
    help: 'Pages that a SEND held at most: what a frame holds, or a slow link carries in time.',
    buckets: pageBuckets,
    of: (loop) => loop.maxPages,
  },
  {
    name: 'portkey_batch_ahead_sends',
    help: 'SENDs that the relay was given ahead; grows while it starves though pages were held back.',
    buckets: [1, 2, 3],
    of: (loop) => loop.ahead,
  },
  {
    name: 'portkey_batch_hypercall_seconds',
    help: 'What a hypercall cost the guest, as the loop measured it.',
    buckets: costBuckets,
    of: (loop) => loop.hypercallSeconds,
  },
  {
    name: 'portkey_batch_scan_pages_per_second',
    help: 'How fast the scan found pages, as the loop measured it.',
    buckets: rateBuckets,
    of: (loop) => loop.scanPagesPerSecond,
  },
  {
    name: 'portkey_batch_link_pages_per_second',
    help: 'How fast pages landed, as the loop measured it.',
    buckets: rateBuckets,
    of: (loop) => loop.linkPagesPerSecond,
  },
  {
    name: 'portkey_batch_starved_seconds',
    help: 'Time in a round that the relay had nothing to send, as it reported.',
    buckets: [0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3],
    of: (loop) => loop.starvedSeconds,
  },
];

export class BatchMetrics {
  private readonly batchPages: Gauge;
  private readonly batchChanges: Counter<'direction'>;
  private readonly sends: Counter;
  private readonly suppressed: Counter;
  private readonly starved: Counter;
  private readonly figures: Figures<Feedback>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.batchPages = new Gauge({
      name: 'portkey_batch_pages',
      help: 'Pages that a SEND was to hold at the end of the latest round.',
      registers,
    });
    this.batchChanges = counterFromZero(registry, {
      name: 'portkey_batch_changes_total',
      help: 'How often the control loop doubled (grown) or halved (shrunk) the pages of a SEND.',
      labels: { direction: ['grown', 'shrunk'] },
    });
    this.sends = new Counter({
      name: 'portkey_batch_sends_total',
      help: 'SENDs of rounds.',
      registers,
    });
    this.suppressed = new Counter({
      name: 'portkey_batch_suppressed_completions_total',
      help: 'SENDs of rounds that had no COMPLETE of their own, because a later one answered them, too.',
      registers,
    });
    this.starved = new Counter({
      name: 'portkey_round_starved_seconds_total',
      help: 'Time in rounds that the relay had nothing to send, as it reported.',
      registers,
    });
    this.figures = new Figures(registry, figures, {});
  }

  /** `feedback` is a BatchReport as JSON. */
  roundEnded(feedback: string): void {
    const loop = feedbackSchema.parse(JSON.parse(feedback));
    this.batchPages.set(loop.pages);
    this.batchChanges.inc({ direction: 'grown' }, loop.grown);
    this.batchChanges.inc({ direction: 'shrunk' }, loop.shrunk);
    this.sends.inc(loop.sends);
    this.suppressed.inc(loop.suppressedCompletions);
    this.starved.inc(loop.starvedSeconds);
    if (loop.sends > 0) this.figures.observe(loop, {});
  }
}
