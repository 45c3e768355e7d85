import assert from 'node:assert/strict';

import fc from 'fast-check';

import { AdaptiveBatch } from '../adaptive-batch.js';
import { FixedBatch } from '../fixed-batch.js';
import { maxPagesPerSend, maxRunsPerSend, sendCredits } from '../limits.js';
import { RunList } from '../run-list.js';
import { PAGE_BYTES } from '../../units/index.js';
import { bestFixed, sum } from './best-fixed.js';
import { costSeconds, type Guest, type Link, type Scenario, type Transfer } from './scenario.js';
import { simulate, windows, type Outcome } from './simulate.js';
import { VirtualTime } from './virtual-time.js';

const mbit = 1e6 / 8;
/** So that a run is judged on the same links as the one before it. */
const seed = 20_220_301;

/** As likely between 1 and 10 as between 10 and 100. */
const spread = (min: number, max: number): fc.Arbitrary<number> =>
  fc.double({ min: Math.log(min), max: Math.log(max), noNaN: true }).map(Math.exp);
const counted = (min: number, max: number): fc.Arbitrary<number> => spread(min, max).map(Math.round);

const anyGuest: fc.Arbitrary<Guest> = fc
  .record({
    hypercallUs: spread(20, 5_000),
    share: fc.double({ min: 0.2, max: 1, noNaN: true }),
    scanUsPerPage: fc.oneof(fc.constant(0), spread(0.03, 3)),
  })
  .map(({ share, ...guest }) => ({ ...guest, completionUs: guest.hypercallUs * share }));
const anyLink: fc.Arbitrary<Link> = fc.record({
  bytesPerSecond: spread(10 * mbit, 40_000 * mbit),
  roundTripUs: spread(100, 2_000),
  relayUs: spread(20, 100),
});
const transfer = (fewestPages: number, mostPages = 262_144): fc.Arbitrary<Transfer> =>
  fc.record({
    pages: counted(fewestPages, mostPages),
    runPages: counted(1, 512),
    windowPages: counted(64, 32_768),
    announced: fc.boolean(),
  });

/** Of short rounds a tenth is less than a hypercall: what is lost there must be less than a millisecond. */
const negligibleSeconds = 0.001;

/** One round that any of these links carries for a tenth of a second or more: a millisecond is less than 1 % of it. */
function lastingTransfer(...links: readonly Pick<Link, 'bytesPerSecond'>[]): fc.Arbitrary<Transfer> {
  const fastest = Math.max(...links.map(({ bytesPerSecond }) => bytesPerSecond));
  return transfer(Math.max(512, Math.ceil((100 * negligibleSeconds * fastest) / PAGE_BYTES)));
}

const anyLinkWithTransfer = anyLink.chain((link) => lastingTransfer(link).map((round) => ({ link, round })));

const anyStep = fc
  .record({ link: anyLink, bytesPerSecond: spread(10 * mbit, 40_000 * mbit) })
  .chain((step) => lastingTransfer(step.link, step).map((round) => ({ ...step, round })));

const typical: Guest = { hypercallUs: 200, completionUs: 100, scanUsPerPage: 0.1 };
const gigabits: Link = { bytesPerSecond: 10_000 * mbit, roundTripUs: 300, relayUs: 50 };
const gib: Transfer = { pages: 262_144, runPages: 512, windowPages: 512, announced: true };

/** Runs joined wherever they follow on: equal if and only if pages, frames and order are. */
function canonical(lists: Iterable<RunList>): string {
  const joined = new RunList();
  for (const list of lists) {
    for (let index = 0; index < list.length; index += 1) {
      joined.append(list.pfn(index), list.count(index), list.page(index));
    }
  }
  return joined.bytes().toString('hex');
}

function all(rounds: readonly Transfer[]): string {
  return canonical(rounds.flatMap((round) => [...windows(round)]));
}

function requireSound(scenario: Scenario, { landed, mostUnanswered }: Outcome): void {
  assert.ok(mostUnanswered <= sendCredits, `${mostUnanswered} SENDs without an answer`);
  for (const runs of landed) {
    assert.ok(runs.length <= maxRunsPerSend && runs.pageCount <= maxPagesPerSend);
  }
  assert.equal(canonical(landed), all(scenario.rounds));
}

/** `besideSeconds` are let pass beside the share. */
async function requireNearBest(scenario: Scenario, share: number, besideSeconds = 0): Promise<void> {
  const outcome = await simulate(scenario, new AdaptiveBatch());
  requireSound(scenario, outcome);
  const cost = costSeconds(sum(outcome.rounds));
  const best = await bestFixed(scenario);
  assert.ok(
    cost <= Math.max((1 + share) * best.costSeconds, best.costSeconds + besideSeconds),
    `${cost} s, with fixed:${best.pages} ${best.costSeconds} s`,
  );
}

describe('the control loop, simulated', function () {
  this.timeout(120_000);

  it('sends every page once and in order, within its credits, and never waits for ever', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          guest: anyGuest,
          link: anyLink,
          rounds: fc.array(transfer(1), { minLength: 1, maxLength: 3 }),
        }),
        fc.option(fc.integer({ min: 5, max: 14 }), { nil: undefined }),
        async (scenario, exponent) => {
          const policy = exponent === undefined ? new AdaptiveBatch() : new FixedBatch(2 ** exponent);
          requireSound(scenario, await simulate(scenario, policy));
        },
      ),
      { numRuns: 40, seed },
    );
  });

  it('costs at most a tenth more than the best fixed batch, whatever the link, the hypercalls and the scan', async () => {
    await fc.assert(
      fc.asyncProperty(anyGuest, anyLinkWithTransfer, async (guest, { link, round }) => {
        await requireNearBest({ guest, link, rounds: [{ ...round, announced: true }] }, 0.1);
      }),
      { numRuns: 40, seed },
    );
  });

  it('costs at most a tenth or a millisecond more where the transfer is over in no time', async () => {
    await fc.assert(
      fc.asyncProperty(anyGuest, anyLink, transfer(512, 8_192), async (guest, link, round) => {
        const rounds = [{ ...round, announced: true }];
        await requireNearBest({ guest, link, rounds }, 0.1, negligibleSeconds);
      }),
      { numRuns: 40, seed },
    );
  });

  it('costs at most a quarter more where nobody knows how many pages will come', async () => {
    await fc.assert(
      fc.asyncProperty(anyGuest, anyLinkWithTransfer, async (guest, { link, round }) => {
        await requireNearBest({ guest, link, rounds: [{ ...round, announced: false }] }, 0.25);
      }),
      { numRuns: 25, seed },
    );
  });

  it('stays within a tenth when the link changes its speed on the way', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyGuest,
        anyStep,
        fc.double({ min: 0.1, max: 0.9, noNaN: true }),
        async (guest, { link, bytesPerSecond, round }, share) => {
          const atUs = ((round.pages * 4096 * share) / link.bytesPerSecond) * 1e6;
          const stepped = { ...link, step: { atUs, bytesPerSecond } };
          await requireNearBest({ guest, link: stepped, rounds: [{ ...round, announced: true }] }, 0.1);
        },
      ),
      { numRuns: 30, seed },
    );
  });

  it('has found its way again by the second round after a step in the dirty rate', async () => {
    const few = { ...gib, pages: 2_000, runPages: 1 };
    const many = { ...gib, pages: 60_000, runPages: 2 };
    for (const scanUsPerPage of [0, 0.1, 3]) {
      const guest = { ...typical, scanUsPerPage };
      const rounds = [gib, few, few, many, many, few, few];
      const { rounds: outcomes } = await simulate({ guest, link: gigabits, rounds }, new AdaptiveBatch());
      for (const [index, round] of rounds.entries()) {
        const outcome = outcomes[index];
        const best = await bestFixed({ guest, link: gigabits, rounds: [round] });
        assert.ok(outcome !== undefined);
        if (round === rounds[index - 1]) assert.ok(costSeconds(outcome) <= 1.1 * best.costSeconds);
      }
    }
  });

  it('carries a GiB with a few dozen hypercalls, and answers several SENDs by one COMPLETE', async () => {
    const { rounds } = await simulate({ guest: typical, link: gigabits, rounds: [gib] }, new AdaptiveBatch());
    const { sends, completions } = sum(rounds);
    assert.ok(sends <= 24, `${sends} SENDs`);
    assert.ok(completions <= 12, `${completions} COMPLETEs`);
  });

  it('says of each round what it did and what it went by', async () => {
    const policy = new AdaptiveBatch();
    const guest = { ...typical, scanUsPerPage: 2 };
    const { rounds } = await simulate({ guest, link: gigabits, rounds: [gib] }, policy);
    const { sends, suppressedCompletions, hypercallSeconds, scanPagesPerSecond, linkPagesPerSecond } =
      policy.describe();
    assert.equal(sends, sum(rounds).sends);
    assert.equal(suppressedCompletions, sends - sum(rounds).completions);
    assert.ok(Math.abs((hypercallSeconds ?? 0) / 200e-6 - 1) < 1e-6);
    assert.ok(Math.abs((scanPagesPerSecond ?? 0) / 500_000 - 1) < 0.05);
    assert.ok(Math.abs(((linkPagesPerSecond ?? 0) * 4096) / gigabits.bytesPerSecond - 1) < 0.1);
    policy.beginRound();
    assert.equal(policy.describe().sends, 0);
  });

  it('tells often enough how far it is on a slow link', async () => {
    const link = { ...gigabits, bytesPerSecond: 10 * mbit };
    const { rounds } = await simulate({ guest: typical, link, rounds: [gib] }, new AdaptiveBatch());
    const { seconds, completions } = sum(rounds);
    assert.ok(seconds / completions < 5, `a COMPLETE every ${seconds / completions} s`);
  });

  it('is the same each time', async () => {
    const scenario = { guest: { ...typical, scanUsPerPage: 2 }, link: gigabits, rounds: [gib, gib] };
    const [one, other] = [
      await simulate(scenario, new AdaptiveBatch()),
      await simulate(scenario, new AdaptiveBatch()),
    ];
    assert.deepEqual(one.rounds, other.rounds);
  });

  it('says so when something waits for what never comes', async () => {
    const time = new VirtualTime();
    const work = time.until(10).then(() => new Promise(() => undefined));
    await assert.rejects(time.run(work), /deadlock: nothing is to happen after 10 µs/);
  });
});
