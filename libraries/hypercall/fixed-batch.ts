/** N pages a SEND, whatever the relay says: the yardstick for the adaptive policy. */
import type { BatchPolicy, BatchReport, Landing } from './batch-policy.js';
import { BatchTally } from './batch-tally.js';

export class FixedBatch implements BatchPolicy {
  private readonly tally = new BatchTally();

  constructor(readonly maxPages: number) {}

  mayFly(): boolean {
    return true;
  }

  isDue(): boolean {
    return false;
  }

  beginRound(): void {
    this.tally.reset();
  }

  scanned(): void {
    // Learns nothing.
  }

  sent(): void {
    this.tally.sent();
  }

  landed(landing: Landing): void {
    this.tally.landed(landing);
  }

  describe(): BatchReport {
    const { maxPages } = this;
    return {
      ...{
        policy: `fixed:${maxPages}`,
        pages: maxPages,
        maxPages,
        grown: 0,
        shrunk: 0,
        ...this.tally.counts,
      },
      ...{ ahead: null, hypercallSeconds: null, scanPagesPerSecond: null, linkPagesPerSecond: null },
    };
  }
}
