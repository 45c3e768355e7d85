/**
 * Waiting for something that daemons bring about, without missing that one of them has ended.
 */
import type { PortkeyError } from '../../libraries/errors/index.js';
import { throwIfStopped, type Tools } from '../tools.js';
import type { Daemon } from './daemon.js';

export interface Wait {
  readonly until: () => Promise<boolean>;
  /** Their early end ends the wait, with their error. */
  readonly daemons: readonly Daemon[];
  readonly timeoutMs: number;
  readonly pollMs?: number;
  /** What to throw when the time is over. */
  readonly late: () => PortkeyError | Promise<PortkeyError>;
}

const defaultPollMs = 50;

export async function waitFor(
  { until, daemons, timeoutMs, late, pollMs }: Wait,
  { clock, signal }: Tools,
): Promise<void> {
  const end = clock.monotonicMs() + timeoutMs;
  while (!(await until())) {
    throwIfStopped(signal);
    for (const daemon of daemons) {
      const failure = daemon.failure();
      if (failure !== undefined) throw failure;
    }
    if (clock.monotonicMs() > end) throw await late();
    await clock.sleep(pollMs ?? defaultPollMs);
  }
}
