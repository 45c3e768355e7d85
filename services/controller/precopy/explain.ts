/** A pre-copy decision as one line for people. */
import { formatBytes, formatSeconds, PAGE_BYTES } from '../../../libraries/units/index.js';
import type { Decision, DecisionReason, PrecopyState } from './decide.js';

const because: Record<Exclude<DecisionReason, 'tiny-leftover'>, string> = {
  'fits-downtime': 'that fits the downtime target',
  'round-limit': 'the round limit is reached',
  'no-longer-shrinks': 'another round would leave as many',
  'too-long': 'and more rounds do not help',
  'still-shrinking': 'another round will leave fewer',
};

function what({ action, nextCpuShare }: Decision): string {
  if (action === 'give-up') return 'give up';
  return action === 'throttle' ? `throttle it to ${nextCpuShare * 100} % of its CPU` : action;
}

/** `hasFrozenRound`: the pages left have a round of their own, which may still leave them to CRIU's final dump. */
export function explain(state: PrecopyState, decision: Decision, hasFrozenRound: boolean): string {
  const left = `${state.remainingPages} pages left after round ${state.roundsDone - 1}`;
  const time = Number.isFinite(decision.sendSeconds)
    ? `${formatSeconds(decision.sendSeconds)} to send at ${rate(state.bytesPerSecond)}`
    : 'no page has travelled yet';
  const written = `${rate(state.dirtyPagesPerSecond * PAGE_BYTES)} written`;
  return `${left}: ${time}, ${written}; ${why(decision.reason, hasFrozenRound)} → ${what(decision)}`;
}

function why(reason: DecisionReason, hasFrozenRound: boolean): string {
  if (reason !== 'tiny-leftover') return because[reason];
  return hasFrozenRound
    ? 'so few that the round of the frozen container sends them at once or leaves them to the final dump'
    : 'so few that the final dump takes them along';
}

const rate = (bytesPerSecond: number): string => `${formatBytes(bytesPerSecond)}/s`;
