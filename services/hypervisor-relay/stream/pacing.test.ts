import assert from 'node:assert/strict';

import fc from 'fast-check';

import { Idleness } from './idleness.js';
import { TokenBucket } from './token-bucket.js';

describe('TokenBucket', () => {
  it('keeps any sender to the rate, and a willing one close to it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 100_000, max: 10 ** 9 }),
        fc.array(
          fc.record({ lateMs: fc.integer({ min: 0, max: 30 }), part: fc.integer({ min: 1, max: 100 }) }),
          {
            minLength: 500,
            maxLength: 500,
          },
        ),
        (rate, steps) => {
          const bucket = new TokenBucket(rate);
          let nowMs = 5_000;
          let sent = 0;
          for (const { lateMs, part } of steps) {
            nowMs += bucket.waitMs(nowMs) + (part > 95 ? lateMs : 0);
            const bytes = Math.ceil((bucket.pieceBytes * part) / 100);
            bucket.sent(bytes, nowMs);
            sent += bytes;
          }
          const allowed = (rate * (nowMs - 5_000 + 50)) / 1000 + bucket.pieceBytes;
          assert.ok(sent <= allowed * 1.001, `${sent} of ${allowed}`);
          assert.ok(sent >= allowed * 0.9, `${sent} of ${allowed}`);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('does nothing without a rate', () => {
    const bucket = new TokenBucket(0);
    bucket.sent(10 ** 12, 1);
    assert.equal(bucket.waitMs(1), 0);
  });
});

describe('Idleness', () => {
  it('counts gaps between batches while an object is open, and not pauses', () => {
    const idleness = new Idleness();
    idleness.opened(1, 1_000);
    idleness.busy(1_003);
    idleness.idle(1_010);
    idleness.busy(1_014);
    assert.equal(idleness.take(), 7_000);
    idleness.idle(1_020);
    idleness.busy(2_000);
    idleness.idle(2_001);
    idleness.closed(1);
    idleness.busy(2_002);
    assert.equal(idleness.take(), 0);
  });
});
