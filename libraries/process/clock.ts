/**
 * Time, as a parameter: a monotonic clock in milliseconds, the wall clock for records, and sleep.
 */
import { setTimeout as delay } from 'node:timers/promises';

export interface Clock {
  /** Milliseconds on a clock that never steps; its zero means nothing. */
  monotonicMs(): number;
  wallTime(): Date;
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallTime: () => new Date(),
  sleep: async (milliseconds, signal) => {
    await delay(milliseconds, undefined, signal === undefined ? {} : { signal });
  },
};

/** For threads that compare their times: `performance.now` counts from each thread's own start. */
export const clockOfAllThreads: Pick<Clock, 'monotonicMs'> = {
  monotonicMs: () => Number(process.hrtime.bigint()) / 1e6,
};

/** Seconds since `startMs`, a reading of `clock.monotonicMs()`. */
export function secondsSince(clock: Clock, startMs: number): number {
  return (clock.monotonicMs() - startMs) / 1000;
}
