import assert from 'node:assert/strict';

import { idleShareOf } from './idle-share.js';

describe('the share of an idle VM', () => {
  /** A machine that uses one share after the other, the last one for good, by a clock that only sleeping moves. */
  const shareOf = async (
    shares: readonly number[],
  ): Promise<{ share: number; seconds: number; said: string[] }> => {
    let nowMs = 0;
    let used = 0;
    let window = 0;
    const said: string[] = [];
    const clock = {
      monotonicMs: () => nowMs,
      wallTime: () => new Date(0),
      sleep: (milliseconds: number) => {
        nowMs += milliseconds;
        used += ((shares[window] ?? shares.at(-1) ?? 0) * milliseconds) / 1000;
        window += 1;
        return Promise.resolve();
      },
    };
    const tools = { clock, signal: new AbortController().signal, report: (line: string) => said.push(line) };
    const share = await idleShareOf({ cpuSeconds: () => used }, tools);
    return { share: Math.round(share * 1000) / 1000, seconds: nowMs / 1000, said };
  };

  it('is the lowest of several windows after it has come to rest', async () => {
    assert.deepEqual(await shareOf([1, 0.9, 0.3, 0.2, 0.25]), { share: 0.2, seconds: 10, said: [] });
  });

  it('is too high, which is said, where it never does', async () => {
    const { share, seconds, said } = await shareOf([0.9]);
    assert.equal(share, 0.9);
    assert.ok(seconds > 30 && seconds < 40);
    assert.deepEqual(said, ['the VM does not come to rest (0.90 s of CPU a second)']);
  });
});
