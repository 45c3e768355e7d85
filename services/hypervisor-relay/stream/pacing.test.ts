import assert from 'node:assert/strict';

import fc from 'fast-check';

import { Idleness } from './idleness.js';
import { TokenBucket } from './token-bucket.js';

describe('TokenBucket', () => {
  /** Pieces of senders that take turns as chance has it, each later than it might be by some milliseconds. */
  const steps = fc.array(
    fc.record({
      sender: fc.nat(3),
      lateMs: fc.integer({ min: 0, max: 30 }),
      part: fc.integer({ min: 1, max: 100 }),
    }),
    { minLength: 500, maxLength: 500 },
  );
  const rate = fc.integer({ min: 100_000, max: 10 ** 9 });
  const startMs = 5_000;

  it('keeps any sender to the rate, and a willing one close to it', () => {
    fc.assert(
      fc.property(rate, steps, (bytesPerSecond, pieces) => {
        const bucket = new TokenBucket(bytesPerSecond);
        let nowMs = startMs;
        let sent = 0;
        for (const { lateMs, part } of pieces) {
          const bytes = Math.ceil((bucket.pieceBytes * part) / 100);
          nowMs = bucket.take(bytes, nowMs + (part > 95 ? lateMs : 0));
          sent += bytes;
        }
        const allowed = (bytesPerSecond * (nowMs - startMs + 50)) / 1000 + bucket.pieceBytes;
        assert.ok(sent <= allowed * 1.001, `${sent} of ${allowed}`);
        assert.ok(sent >= allowed * 0.9, `${sent} of ${allowed}`);
      }),
      { numRuns: 50 },
    );
  });

  it('keeps several senders to the rate together', () => {
    fc.assert(
      fc.property(rate, steps, fc.integer({ min: 2, max: 4 }), (bytesPerSecond, pieces, senderCount) => {
        const { shared } = new TokenBucket(bytesPerSecond);
        const senders = Array.from({ length: senderCount }, () => ({
          bucket: new TokenBucket(bytesPerSecond, shared),
          nowMs: startMs,
        }));
        let sent = 0;
        let last = 0;
        for (const { sender: turn, lateMs, part } of pieces) {
          // Whoever has waited out its place goes on; so time passes for all of them.
          const sender = senders.toSorted((a, b) => a.nowMs - b.nowMs)[part > 95 ? turn % senderCount : 0];
          assert.ok(sender);
          const bytes = Math.ceil((sender.bucket.pieceBytes * part) / 100);
          sender.nowMs = sender.bucket.take(bytes, sender.nowMs + (part > 95 ? lateMs : 0));
          sent += bytes;
          last = Math.max(last, sender.nowMs);
        }
        const allowed = (bytesPerSecond * (last - startMs + 50)) / 1000;
        const pieceBytes = new TokenBucket(bytesPerSecond).pieceBytes;
        assert.ok(sent <= (allowed + pieceBytes) * 1.001, `${sent} of ${allowed}`);
        assert.ok(sent >= allowed * 0.9 - pieceBytes, `${sent} of ${allowed}`);
      }),
      { numRuns: 50 },
    );
  });

  it('does nothing without a rate', () => {
    const bucket = new TokenBucket(0);
    assert.equal(bucket.take(10 ** 12, 1), 1);
    assert.equal(bucket.take(1, 1), 1);
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

  it('of several streams counts while none of them is busy, once', () => {
    const one = new Idleness();
    const other = new Idleness(one.shared);
    one.opened(1, 1_000);
    other.opened(1, 1_000);
    one.busy(1_001);
    other.busy(1_005);
    one.idle(1_010);
    one.busy(1_020);
    one.idle(1_030);
    other.idle(1_040);
    other.busy(1_042);
    assert.equal(other.take(), 3_000);
    assert.equal(one.take(), 0);
  });
});
