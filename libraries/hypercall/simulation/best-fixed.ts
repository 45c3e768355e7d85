/**
 * The best that any fixed batch makes of a scenario: every power of two is tried that could be better than what is
 * known by more than a thousandth.
 */
import { FixedBatch } from '../fixed-batch.js';
import { maxPagesPerSend, maxRunsPerSend } from '../limits.js';
import { PAGE_BYTES } from '../../units/index.js';
import { costSeconds, type RoundOutcome, type Scenario, type Transfer } from './scenario.js';
import { afterSending } from './simulated-stream.js';
import { simulate } from './simulate.js';

const negligible = 0.001;

export interface BestFixed {
  readonly pages: number;
  readonly costSeconds: number;
  readonly total: RoundOutcome;
}

export async function bestFixed(scenario: Scenario): Promise<BestFixed> {
  let best: BestFixed | undefined;
  for (let pages = maxPagesPerSend; pages >= 1; pages /= 2) {
    if (best !== undefined && leastCostSeconds(scenario, pages) > best.costSeconds * (1 - negligible)) break;
    const { rounds } = await simulate(scenario, new FixedBatch(pages));
    const total = sum(rounds);
    const cost = costSeconds(total);
    if (best === undefined || cost < best.costSeconds) best = { pages, costSeconds: cost, total };
  }
  if (best === undefined) throw new Error('no batch was tried');
  return best;
}

export function sum(rounds: readonly RoundOutcome[]): RoundOutcome {
  const total = (of: (round: RoundOutcome) => number): number =>
    rounds.reduce((all, round) => all + of(round), 0);
  return {
    seconds: total(({ seconds }) => seconds),
    sends: total(({ sends }) => sends),
    completions: total(({ completions }) => completions),
    hypercallSeconds: total(({ hypercallSeconds }) => hypercallSeconds),
  };
}

/** No run with batches of so many pages can cost less: the guest's own work, or that of the link, and the hypercalls. */
function leastCostSeconds({ guest, link, rounds }: Scenario, pages: number): number {
  const total = (of: (round: Transfer) => number): number =>
    rounds.reduce((all, round) => all + of(round), 0);
  const sends = total((round) => Math.ceil(round.pages / Math.min(pages, round.runPages * maxRunsPerSend)));
  const hypercallSeconds = (sends * guest.hypercallUs) / 1e6;
  const guestSeconds = hypercallSeconds + (total((round) => round.pages) * guest.scanUsPerPage) / 1e6;
  const bytes = total((round) => round.pages) * PAGE_BYTES;
  return Math.max(guestSeconds, afterSending(link, 0, bytes) / 1e6) + hypercallSeconds;
}
