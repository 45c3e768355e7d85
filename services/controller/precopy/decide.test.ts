import assert from 'node:assert/strict';

import fc from 'fast-check';

import { PAGE_BYTES } from '../../../libraries/units/index.js';
import {
  decide,
  giveUpSeconds,
  leastCpuShare,
  throttleMargin,
  throttleSteps,
  tinyPageCount,
  type PrecopyState,
} from './decide.js';
import { explain } from './explain.js';
import { FixedCost } from './fixed-cost.js';
import { measure, throughput, type RoundMeasure } from './measure.js';

const state: PrecopyState = {
  roundsDone: 1,
  maxRounds: 8,
  remainingPages: 25_000,
  previousRemainingPages: undefined,
  bytesPerSecond: 100 * 2 ** 20,
  dirtyPagesPerSecond: 1_000,
  scanSeconds: 0.01,
  maxDowntimeSeconds: 0.3,
  fixedDowntimeSeconds: 1.5,
  mayThrottle: false,
  cpuShare: 1,
};

const anyState: fc.Arbitrary<PrecopyState> = fc.record({
  roundsDone: fc.integer({ min: 1, max: 20 }),
  maxRounds: fc.integer({ min: 1, max: 20 }),
  remainingPages: fc.nat(2 ** 22),
  previousRemainingPages: fc.option(fc.nat(2 ** 22), { nil: undefined }),
  bytesPerSecond: fc.double({ min: 0, max: 1e10, noNaN: true }),
  dirtyPagesPerSecond: fc.double({ min: 0, max: 1e7, noNaN: true }),
  scanSeconds: fc.double({ min: 0, max: 2, noNaN: true }),
  maxDowntimeSeconds: fc.double({ min: 0.001, max: 10, noNaN: true }),
  fixedDowntimeSeconds: fc.double({ min: 0, max: 10, noNaN: true }),
  mayThrottle: fc.boolean(),
  cpuShare: fc.constantFrom(1, 0.5, 0.25, 0.125),
});

describe('the pre-copy decision', () => {
  it('goes on while rounds shrink', () => {
    assert.deepEqual(
      [decide(state).action, decide({ ...state, previousRemainingPages: 60_000 }).action],
      ['continue', 'continue'],
    );
  });

  it('freezes when the rest fits the downtime target, and predicts the downtime', () => {
    const decision = decide({ ...state, remainingPages: 2_560 });
    assert.deepEqual([decision.action, decision.reason], ['freeze', 'fits-downtime']);
    assert.ok(Math.abs(decision.lastRoundSeconds - 0.11) < 1e-9);
    assert.ok(Math.abs(decision.predictedDowntimeSeconds - 1.61) < 1e-9);
  });

  it('starts no round just for its scan, which every round costs', () => {
    const slowScan = { ...state, remainingPages: 2_560, scanSeconds: 5 };
    assert.equal(decide(slowScan).reason, 'fits-downtime');
    assert.ok(decide(slowScan).predictedDowntimeSeconds > 5);
  });

  it('freezes when a round left as much as the one before', () => {
    const decision = decide({ ...state, previousRemainingPages: 26_000 });
    assert.deepEqual([decision.action, decision.reason], ['freeze', 'no-longer-shrinks']);
  });

  it('freezes when the container writes as fast as pages travel', () => {
    const decision = decide({ ...state, dirtyPagesPerSecond: 30_000 });
    assert.deepEqual([decision.action, decision.reason], ['freeze', 'no-longer-shrinks']);
  });

  it('freezes at the round limit', () => {
    assert.equal(decide({ ...state, roundsDone: 8 }).reason, 'round-limit');
  });

  it('freezes for a few pages, whatever the rates', () => {
    fc.assert(
      fc.property(anyState, fc.nat(tinyPageCount), (any, remainingPages) => {
        const decision = decide({ ...any, remainingPages });
        assert.deepEqual([decision.action, decision.reason], ['freeze', 'tiny-leftover']);
      }),
    );
  });

  it('never goes on at the round limit, and gives up only for a container that would stand still too long', () => {
    fc.assert(
      fc.property(anyState, (any) => {
        const { action, lastRoundSeconds } = decide(any);
        if (any.roundsDone >= any.maxRounds) assert.notEqual(action, 'continue');
        if (action === 'give-up') assert.ok(lastRoundSeconds > giveUpSeconds);
        if (action === 'freeze')
          assert.ok(
            lastRoundSeconds <= Math.max(giveUpSeconds, any.maxDowntimeSeconds) ||
              any.remainingPages <= tinyPageCount,
          );
      }),
    );
  });

  it('freezes with fewer pages wherever it would freeze for the downtime with more', () => {
    fc.assert(
      fc.property(anyState, fc.double({ min: 0, max: 1, noNaN: true }), (any, share) => {
        if (decide(any).reason !== 'fits-downtime') return;
        const fewer = { ...any, remainingPages: Math.floor(any.remainingPages * share) };
        assert.equal(decide(fewer).action, 'freeze');
      }),
    );
  });

  it('ends for any container: simulated rounds reach a freeze or a give-up within the limit', () => {
    const container = fc.record({
      pages: fc.integer({ min: 1, max: 2 ** 20 }),
      writesPerSecond: fc.integer({ min: 0, max: 2 ** 20 }),
      workingSet: fc.integer({ min: 0, max: 2 ** 20 }),
      bytesPerSecond: fc.integer({ min: 2 ** 20, max: 2 ** 31 }),
      maxRounds: fc.integer({ min: 1, max: 12 }),
      mayThrottle: fc.boolean(),
    });
    fc.assert(
      fc.property(
        container,
        ({ pages, writesPerSecond, workingSet, bytesPerSecond, maxRounds, mayThrottle }) => {
          const rounds: RoundMeasure[] = [];
          let left = pages;
          let cpuShare = 1;
          for (;;) {
            const bytes = left * PAGE_BYTES;
            const seconds = 0.02 + bytes / bytesPerSecond;
            left = Math.min(workingSet, pages, Math.round(writesPerSecond * cpuShare * seconds));
            rounds.push({ bytes, seconds, scanSeconds: 0.02, dirtyPagesAfter: left });
            const targets = {
              maxRounds,
              maxDowntimeSeconds: 0.3,
              fixedDowntimeSeconds: 0,
              mayThrottle,
              cpuShare,
            };
            const { action, nextCpuShare } = decide(measure(rounds, targets));
            assert.ok(nextCpuShare <= cpuShare && nextCpuShare >= leastCpuShare);
            if (action === 'freeze' || action === 'give-up') break;
            cpuShare = nextCpuShare;
          }
          assert.ok(rounds.length <= maxRounds + (mayThrottle ? throttleSteps : 0));
        },
      ),
    );
  });

  it('throttles only where it may, far from the target, where it would freeze or give up, and never below the floor', () => {
    fc.assert(
      fc.property(anyState, (any) => {
        const { action, reason, nextCpuShare, sendSeconds } = decide(any);
        const otherwise = decide({ ...any, mayThrottle: false });
        if (action !== 'throttle') {
          assert.deepEqual(
            [action, reason, nextCpuShare],
            [otherwise.action, otherwise.reason, any.cpuShare],
          );
          return;
        }
        assert.ok(any.mayThrottle && sendSeconds > throttleMargin * any.maxDowntimeSeconds);
        assert.ok(otherwise.action === 'freeze' || otherwise.action === 'give-up');
        assert.ok(nextCpuShare === any.cpuShare / 2 && nextCpuShare >= leastCpuShare);
      }),
    );
  });

  it('throttles a container that writes as fast as its pages travel, then gives up at the floor', () => {
    const stuck = { ...state, bytesPerSecond: 2 ** 20, dirtyPagesPerSecond: 10_000, mayThrottle: true };
    const actions = [1, 0.5, 0.25, 0.125].map((cpuShare) => decide({ ...stuck, cpuShare }).action);
    assert.deepEqual(actions, ['throttle', 'throttle', 'throttle', 'give-up']);
    assert.equal(actions.filter((action) => action === 'throttle').length, throttleSteps);
    assert.match(
      explain(stuck, decide(stuck), true),
      /would leave as many → throttle it to 50 % of its CPU$/,
    );
  });

  it('is explained in one line', () => {
    assert.equal(
      explain(state, decide(state), true),
      '25000 pages left after round 0: 977 ms to send at 100 MiB/s, 3.9 MiB/s written; another round will leave fewer → continue',
    );
    const stuck = { ...state, bytesPerSecond: 0, roundsDone: 8 };
    assert.match(explain(stuck, decide(stuck), true), /no page has travelled yet, .* → give up$/);
  });

  it('is explained by what takes a few pages along in each mode', () => {
    const tiny = { ...state, remainingPages: 3 };
    assert.match(
      explain(tiny, decide(tiny), true),
      /the round of the frozen container sends them at once or leaves them to the final dump → freeze$/,
    );
    assert.match(explain(tiny, decide(tiny), false), /the final dump takes them along → freeze$/);
  });
});

describe('the measures of rounds', () => {
  it('take throughput from the best round, without its scan', () => {
    const long = { bytes: 2 ** 28, seconds: 2.5, scanSeconds: 0.5, dirtyPagesAfter: 1_000 };
    const short = { bytes: 2 ** 22, seconds: 1, scanSeconds: 0.1, dirtyPagesAfter: 500 };
    const measured = measure([long, short], {
      maxRounds: 8,
      maxDowntimeSeconds: 0.3,
      fixedDowntimeSeconds: 0,
      mayThrottle: false,
      cpuShare: 1,
    });
    assert.equal(measured.bytesPerSecond, 2 ** 27);
    assert.equal(measured.dirtyPagesPerSecond, 500);
    assert.deepEqual([measured.remainingPages, measured.previousRemainingPages], [500, 1_000]);
    assert.equal(throughput({ ...short, bytes: 0 }), 0);
  });

  it('learn what no round can shorten from what has been', () => {
    const cost = new FixedCost();
    assert.equal(cost.seconds('criu'), 0);
    cost.learn('criu', 2.5, 0.5);
    cost.learn('criu', 1.5, 0.5);
    assert.equal(cost.seconds('criu'), 1.5);
    assert.equal(cost.seconds('portkey'), 0);
  });
});
