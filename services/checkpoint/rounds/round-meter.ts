/**
 * What a round uses of the agent's CPU, by what the agent is at: laps of one meter.
 *
 * The meter is the whole process's, so a lap has all that was done in it. While pages travel that is also the news of
 * how far they are and answers to whoever calls, and of two migrations at a time each has what the other used.
 */
import type { RoundCpu } from '../../../libraries/rpc/index.js';

export class RoundMeter {
  private readonly used = { scanSeconds: 0, hypercallSeconds: 0 };
  private sinceSeconds: number;

  /** `cpuSeconds` reads what the agent has used so far. */
  constructor(private readonly cpuSeconds: () => number) {
    this.sinceSeconds = cpuSeconds();
  }

  /** What was used since the beginning, or the last call, went to this. */
  spentOn(use: keyof RoundCpu): void {
    const nowSeconds = this.cpuSeconds();
    this.used[use] += nowSeconds - this.sinceSeconds;
    this.sinceSeconds = nowSeconds;
  }

  get result(): RoundCpu {
    return { ...this.used };
  }
}
