/**
 * Runs as the scan finds them → SENDs of one object.
 *
 * Runs are taken as they are, many at once, but for the first of a list or of a SEND: that becomes part of the one
 * before where it follows on from it in frames and pages. A SEND goes out when it is full, or when the
 * policy says so before; while the policy or the relay's credits let no other one fly, `add` waits, which is how a
 * slow relay holds the scan back. The rest goes out with `sendRest`. The event loop gets a turn now and then, not with
 * each `add`, because an emulated guest feels it.
 *
 * Invariants: every page added is sent exactly once, in the order added; at most one SEND is being collected, so
 * memory is bounded by the SENDs in flight. After a failure every call throws it, and nothing more is sent.
 *
 * Limits: one object, one caller at a time. Whether a page still is where the runs say is the caller's to check
 * in `onLanded`.
 */
import { setImmediate } from 'node:timers/promises';

import { asPortkeyError, type PortkeyError } from '../errors/index.js';
import { systemClock, type Clock } from '../process/index.js';
import { PAGE_BYTES } from '../units/index.js';
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
  /** What a hypercall costs: `HypercallClient.hypercallSeconds`. Without it, nothing. */
  readonly hypercallSeconds?: () => number;
  /** Pages that will be added, where that is known. */
  readonly transferPages?: number;
  readonly clock?: Pick<Clock, 'monotonicMs'>;
  /** Lets completions be seen by a scan that would never wait: a turn of the event loop, unless given. */
  readonly otherWork?: () => Promise<unknown>;
}

const turnEveryMs = 5;

export class Batcher {
  private readonly policy: BatchPolicy;
  private readonly clock: Pick<Clock, 'monotonicMs'>;
  private collecting = new RunList();
  private readonly inFlight = new Set<Promise<void>>();
  private inFlightPages = 0;
  private failure: PortkeyError | undefined;
  private sentPages = 0;
  private sentCount = 0;
  /** The relay has been at work since. */
  private busySinceMs = 0;
  private scanningSinceMs: number;
  private lastTurnMs: number;
  /** Since the last turn. */
  private scanned = { pages: 0, seconds: 0 };

  constructor(private readonly options: BatcherOptions) {
    this.policy = options.policy;
    this.clock = options.clock ?? systemClock;
    this.scanningSinceMs = this.lastTurnMs = this.clock.monotonicMs();
  }

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
    this.scanned.pages += runs.pageCount;
    this.scanned.seconds += (this.clock.monotonicMs() - this.scanningSinceMs) / 1000;
    for (let index = 0; index < runs.length;) {
      // The first may go on from the last one collected, or be too long for one SEND; what follows is copied whole.
      await this.addRun(runs.pfn(index), runs.count(index), runs.page(index));
      index = this.collecting.appendFrom(runs, index + 1, maxRunsPerSend, this.policy.maxPages);
    }
    if (this.collecting.pageCount >= this.policy.maxPages) await this.flush();
    if (this.clock.monotonicMs() - this.lastTurnMs >= turnEveryMs) await this.turn();
    this.throwIfFailed();
    if (this.isDue()) await this.flush();
    this.scanningSinceMs = this.clock.monotonicMs();
  }

  private async turn(): Promise<void> {
    this.policy.scanned(this.scanned.pages, this.scanned.seconds);
    this.scanned = { pages: 0, seconds: 0 };
    await (this.options.otherWork ?? setImmediate)();
    this.lastTurnMs = this.clock.monotonicMs();
  }

  private async addRun(pfn: number, count: number, page: number): Promise<void> {
    for (let done = 0; done < count;) {
      const part = Math.min(count - done, this.policy.maxPages - this.collecting.pageCount);
      if (part > 0 && (this.hasRoomForRun() || this.collecting.extendsLast(pfn + done, part, page + done))) {
        this.collecting.append(pfn + done, part, page + done);
        done += part;
      } else {
        await this.flush();
      }
    }
  }

  /** Sends what is left and waits until everything has landed. */
  async finish(): Promise<void> {
    await this.sendRest();
    await this.landed();
  }

  /** Resolves when it has been handed over. */
  async sendRest(): Promise<void> {
    if (this.collecting.length > 0) await this.flush();
  }

  /** Resolves when everything that was sent has landed. */
  async landed(): Promise<void> {
    await Promise.all(this.inFlight);
    this.throwIfFailed();
  }

  private hasRoomForRun(): boolean {
    return this.collecting.length < maxRunsPerSend;
  }

  private get flight(): { sends: number; pages: number } {
    return { sends: this.inFlight.size, pages: this.inFlightPages };
  }

  private isDue(): boolean {
    const pages = this.collecting.pageCount;
    if (pages === 0) return false;
    const { transferPages, hypercallSeconds } = this.options;
    return this.policy.isDue(
      {
        pages,
        transferPages,
        pagesSoFar: this.sentPages + pages,
        hypercallSeconds: hypercallSeconds?.() ?? 0,
      },
      this.flight,
    );
  }

  private async flush(): Promise<void> {
    while (!this.policy.mayFly(this.flight)) await Promise.race(this.inFlight);
    this.throwIfFailed();
    const runs = this.collecting;
    const pages = runs.pageCount;
    this.collecting = new RunList();
    const { landed } = await this.options.send(runs);
    this.sentPages += pages;
    this.sentCount += 1;
    if (this.inFlight.size === 0) this.busySinceMs = this.clock.monotonicMs();
    this.inFlightPages += pages;
    this.policy.sent(pages);
    const settled = this.settle(runs, landed).finally(() => {
      this.inFlight.delete(settled);
      this.inFlightPages -= pages;
    });
    this.inFlight.add(settled);
  }

  /** Never rejects: a failure is kept for the next call. */
  private async settle(runs: RunList, landed: Promise<Feedback>): Promise<void> {
    try {
      const feedback = await landed;
      if (feedback.answered > 0) this.tellPolicy(feedback);
      this.options.onLanded?.(runs, feedback);
    } catch (error) {
      this.failure ??= asPortkeyError(error);
    }
  }

  private tellPolicy({ bytes, starvedUs, answered }: Feedback): void {
    const nowMs = this.clock.monotonicMs();
    const seconds = (nowMs - this.busySinceMs) / 1000;
    this.busySinceMs = nowMs;
    this.policy.landed({ pages: bytes / PAGE_BYTES, seconds, starvedSeconds: starvedUs / 1e6, answered });
  }

  private throwIfFailed(): void {
    if (this.failure !== undefined) throw this.failure;
  }
}
