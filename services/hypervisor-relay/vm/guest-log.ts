/**
 * Lines about what a guest does, few enough for a log whatever it does: at most `mostLines` a VM in `windowMs`. The next one
 * after that says how many were left out; the metrics count all.
 */
import type { Logger } from 'pino';

import type { Clock } from '../../../libraries/process/index.js';

const mostLines = 20;
const windowMs = 10_000;

export class GuestLog {
  private startedMs: number;
  private lines = 0;
  private leftOut = 0;

  constructor(
    private readonly log: Pick<Logger, 'info' | 'warn'>,
    private readonly clock: Pick<Clock, 'monotonicMs'>,
  ) {
    this.startedMs = clock.monotonicMs();
  }

  write(level: 'info' | 'warn', fields: object, message: string): void {
    const nowMs = this.clock.monotonicMs();
    if (nowMs - this.startedMs >= windowMs) {
      this.startedMs = nowMs;
      this.lines = 0;
    }
    if (this.lines === mostLines) {
      this.leftOut += 1;
      return;
    }
    this.lines += 1;
    const { leftOut } = this;
    this.log[level](leftOut === 0 ? fields : { ...fields, leftOut }, message);
    this.leftOut = 0;
  }
}
