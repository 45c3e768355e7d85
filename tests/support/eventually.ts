/**
 * Waiting in a test for what others bring about: looks again and again, and fails with what was awaited once the limit
 * is over. So a thing that never comes is one failed test with a reason, and not a run that hangs.
 */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

const defaultLimitMs = 10_000;
const pollMs = 20;

/** Resolves with the first thing seen that is neither false nor undefined. `awaited` ends "not within 10 s: …". */
export async function eventually<T>(
  awaited: string,
  look: () => T | false | undefined | Promise<T | false | undefined>,
  limitMs = defaultLimitMs,
): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const seen = await look();
    if (seen !== false && seen !== undefined) return seen;
    if (performance.now() > deadline) assert.fail(`not within ${limitMs / 1000} s: ${awaited}`);
    await delay(pollMs);
  }
}
