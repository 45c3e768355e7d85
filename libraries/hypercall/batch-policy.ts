/**
 * How many pages one SEND carries: the control loop's memory, kept over the rounds of a migration.
 *
 * *adaptive*: the first SENDs are small, so that the relay starts at once. The size doubles whenever a completion
 * says that the relay had nothing to do, which is so while a hypercall's own cost outweighs its pages; it goes
 * down by a quarter when SENDs wait behind one another, because pages that wait may move or be written meanwhile.
 * At most four SENDs are in flight; while they are, the next one collects pages beyond its size up to a full
 * frame: a slow network means fewer and larger hypercalls, not a longer queue.
 * *fixed:N*: N pages a SEND, as many in flight as the relay grants; shows what the loop saves.
 */
import { PortkeyError } from '../errors/index.js';
import { maxPagesPerRun } from './limits.js';
import type { Feedback } from './outstanding-sends.js';

/** 64 MiB of 4 KiB pages. */
export const maxPagesPerSend = 16_384;

const firstPages = 64;
const adaptiveInFlight = 4;
const deepQueue = 2;
/** Less than this is the way of the message, not a lack of work. */
const starvedThresholdUs = 200;

export interface BatchPolicy {
  /** A SEND goes out with at least so many pages, unless nothing more comes. */
  readonly pages: number;
  /** And with at most so many. */
  readonly maxPages: number;
  readonly maxInFlight: number;
  observe(feedback: Feedback): void;
  /** What the loop does and has learned, for people and reports. */
  describe(): BatchReport;
}

export interface BatchReport {
  readonly policy: string;
  readonly pages: number;
  readonly starvedSeconds: number;
  readonly grown: number;
  readonly shrunk: number;
}

/** "adaptive" or "fixed:N". Throws `invalid-argument`. */
export function parseBatchPolicy(text: string): BatchPolicy {
  if (text === 'adaptive') return new AdaptiveBatch();
  const pages = Number(/^fixed:(\d{1,6})$/.exec(text)?.[1]);
  if (pages >= 1 && pages <= maxPagesPerSend) return new FixedBatch(pages);
  throw new PortkeyError(
    'invalid-argument',
    `'${text}' is not a batch policy; write adaptive or fixed:N with N from 1 to ${maxPagesPerSend}`,
  );
}

class AdaptiveBatch implements BatchPolicy {
  pages = firstPages;
  readonly maxPages = Math.min(maxPagesPerSend, maxPagesPerRun);
  readonly maxInFlight = adaptiveInFlight;
  private starvedUs = 0;
  private grown = 0;
  private shrunk = 0;

  observe({ starvedUs, queueDepth }: Feedback): void {
    this.starvedUs += starvedUs;
    if (starvedUs > starvedThresholdUs && this.pages < this.maxPages) {
      this.pages = Math.min(this.maxPages, this.pages * 2);
      this.grown += 1;
    } else if (queueDepth >= deepQueue && this.pages > firstPages) {
      this.pages = Math.max(firstPages, Math.floor(this.pages * 0.75));
      this.shrunk += 1;
    }
  }

  describe(): BatchReport {
    return {
      policy: 'adaptive',
      pages: this.pages,
      starvedSeconds: this.starvedUs / 1e6,
      grown: this.grown,
      shrunk: this.shrunk,
    };
  }
}

class FixedBatch implements BatchPolicy {
  readonly maxPages: number;
  readonly maxInFlight = Number.POSITIVE_INFINITY;
  private starvedUs = 0;

  constructor(readonly pages: number) {
    this.maxPages = pages;
  }

  observe({ starvedUs }: Feedback): void {
    this.starvedUs += starvedUs;
  }

  describe(): BatchReport {
    return {
      policy: `fixed:${this.pages}`,
      pages: this.pages,
      starvedSeconds: this.starvedUs / 1e6,
      grown: 0,
      shrunk: 0,
    };
  }
}
