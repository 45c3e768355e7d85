/**
 * Runs as the scan finds them → SENDs of one object.
 *
 * Runs that follow on from one another in frames and pages become one. A SEND goes out when it has the policy's
 * number of pages and the policy lets another one fly. While it does not, the SEND collects on until it is full:
 * `add` then waits, which is how a slow relay holds the scan back. The rest goes out with `finish`.
 *
 * Invariants: every page added is sent exactly once, in the order added; at most one SEND is being collected, so
 * memory is bounded by the SENDs in flight. After a failure `add` and `finish` throw it, and nothing more is sent.
 *
 * Limits: one object, one caller at a time. Whether a page still is where the runs say is the caller's to check
 * in `onLanded`.
 */
import { setImmediate } from 'node:timers/promises';

import { asPortkeyError, type PortkeyError } from '../errors/index.js';
import type { BatchPolicy } from './batch-policy.js';
import type { SentRuns } from './client.js';
import { maxRunsPerSend } from './limits.js';
import type { Feedback } from './outstanding-sends.js';
import { RunList } from './run-list.js';

export interface BatcherOptions {
  readonly policy: BatchPolicy;
  /** Writes one SEND once there is a credit: `HypercallClient.send` for an object. */
  readonly send: (runs: RunList) => Promise<SentRuns>;
  /** The runs of one SEND are at the destination. The list is the callee's. */
  readonly onLanded?: (runs: RunList, feedback: Feedback) => void;
}

export class Batcher {
  private collecting = new RunList();
  private readonly inFlight = new Set<Promise<void>>();
  private failure: PortkeyError | undefined;
  private sentPages = 0;
  private sentCount = 0;

  constructor(private readonly options: BatcherOptions) {}

  /** Pages handed over so far. */
  get pages(): number {
    return this.sentPages;
  }

  /** SENDs written so far. */
  get sends(): number {
    return this.sentCount;
  }

  /** Takes all of these runs; resolves when there is room for more. The list may be used again then. */
  async add(runs: RunList): Promise<void> {
    for (let index = 0; index < runs.length; index += 1) {
      let pfn = runs.pfn(index);
      let page = runs.page(index);
      let left = runs.count(index);
      while (left > 0) {
        const count = Math.min(left, this.pageLimit() - this.collecting.pageCount);
        if (count > 0 && (this.hasRoomForRun() || this.collecting.extendsLast(pfn, count, page))) {
          this.collecting.append(pfn, count, page);
          pfn += count;
          page += count;
          left -= count;
        } else {
          await this.flush();
        }
      }
    }
    if (this.collecting.pageCount >= this.pageLimit()) await this.flush();
    // A scan that never waits would not see completions otherwise.
    await setImmediate();
    this.throwIfFailed();
  }

  /** Sends what is left and waits until everything has landed. */
  async finish(): Promise<void> {
    if (this.collecting.length > 0) await this.flush();
    await Promise.all(this.inFlight);
    this.throwIfFailed();
  }

  private hasRoomForRun(): boolean {
    return this.collecting.length < maxRunsPerSend;
  }

  /** A SEND that cannot go out yet may as well grow. */
  private pageLimit(): number {
    const { pages, maxPages, maxInFlight } = this.options.policy;
    return this.inFlight.size < maxInFlight ? pages : maxPages;
  }

  private async flush(): Promise<void> {
    while (this.inFlight.size >= this.options.policy.maxInFlight) await Promise.race(this.inFlight);
    this.throwIfFailed();
    const runs = this.collecting;
    this.collecting = new RunList();
    const { landed } = await this.options.send(runs);
    this.sentPages += runs.pageCount;
    this.sentCount += 1;
    const settled = this.settle(runs, landed).finally(() => this.inFlight.delete(settled));
    this.inFlight.add(settled);
  }

  /** Never rejects: a failure is kept for the next call. */
  private async settle(runs: RunList, landed: Promise<Feedback>): Promise<void> {
    try {
      const feedback = await landed;
      this.options.policy.observe(feedback);
      this.options.onLanded?.(runs, feedback);
    } catch (error) {
      this.failure ??= asPortkeyError(error);
    }
  }

  private throwIfFailed(): void {
    if (this.failure !== undefined) throw this.failure;
  }
}
