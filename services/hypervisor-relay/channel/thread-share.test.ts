import assert from 'node:assert/strict';

import fc from 'fast-check';

import { ThreadShare } from './thread-share.js';

/** A VM that is worked for and rests as it is told, for so long; returns how much of the time it was worked for. */
function shareOf(turnsMs: readonly number[], totalMs: number, isContended: boolean): number {
  let nowMs = 0;
  let tookMs = 0;
  const share = new ThreadShare({ monotonicMs: () => nowMs }, () => isContended);
  for (let turn = 0; nowMs < totalMs; turn += 1) {
    const turnMs = turnsMs[turn % turnsMs.length] ?? 1;
    nowMs += turnMs;
    tookMs += turnMs;
    nowMs += share.restMs(turnMs);
  }
  return tookMs / nowMs;
}

describe("a VM's share of the thread", () => {
  const turns = fc.array(fc.double({ min: 0.01, max: 50, noNaN: true }), { minLength: 1, maxLength: 20 });

  for (const [isContended, most] of [
    [true, 0.1],
    [false, 0.5],
  ] as const)
    it(`is ${most} ${isContended ? 'while another migration is under way' : 'otherwise'}, in however long turns it is taken`, () => {
      fc.assert(
        fc.property(turns, (turnsMs) => {
          const share = shareOf(turnsMs, 20_000, isContended);
          assert.ok(share <= most * 1.05, `${share} of the thread`);
          // Nothing is paid back during the turn that comes after a rest.
          assert.ok(
            share >= (most / (1 + most)) * 0.98,
            `${share} of the thread, for a VM that could use more`,
          );
        }),
      );
    });

  it('lets one that has taken little go on at once', () => {
    let nowMs = 0;
    const share = new ThreadShare({ monotonicMs: () => nowMs }, () => true);
    for (let send = 0; send < 100; send += 1) {
      assert.equal(share.restMs(1), 0);
      nowMs += 20;
    }
  });

  it('counts what is done for it outside of its turns', () => {
    const share = new ThreadShare({ monotonicMs: () => 0 }, () => true);
    share.charge(30);
    assert.ok(Math.abs(share.restMs(0) - 300) < 1e-9);
  });

  it('is not used up for long by a machine that stood still', () => {
    const share = new ThreadShare({ monotonicMs: () => 0 }, () => true);
    assert.ok(share.restMs(60_000) <= 1_000);
  });
});
