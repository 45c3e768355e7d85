/**
 * Trying again, with a growing pause between tries.
 */
import { asPortkeyError, type PortkeyError } from '../../libraries/errors/index.js';
import type { Clock } from '../../libraries/process/index.js';
import type { Limits } from './limits.js';

const reportEvery = 15;

/** Whether a failure is worth a word where trying goes on for long: the first one, and then one in so many. */
export function isWorthAWord(tries: number): boolean {
  return tries % reportEvery === 1;
}

export interface RetryOptions {
  readonly clock: Clock;
  readonly limits: Limits;
  /** No new try starts later than this after the first. Infinity: until it works. */
  readonly patienceMs: number;
  /** Ends the trying, with the last failure. */
  readonly until: AbortSignal;
  readonly onFailure?: (error: PortkeyError, attempt: number) => void;
}

/** Runs `work` until it succeeds; throws its last failure once patience or `until` ends. */
export async function retry<T>(options: RetryOptions, work: () => Promise<T>): Promise<T> {
  const { clock, limits, until } = options;
  const startMs = clock.monotonicMs();
  let pauseMs = limits.retryFirstMs;
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (thrown) {
      const error = asPortkeyError(thrown);
      options.onFailure?.(error, attempt);
      if (until.aborted || clock.monotonicMs() + pauseMs - startMs > options.patienceMs) throw error;
      await clock.sleep(pauseMs, until).catch(() => undefined);
      pauseMs = Math.min(pauseMs * 2, limits.retryMaxMs);
    }
  }
}
