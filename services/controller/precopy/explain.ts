/** A pre-copy decision as one line for people. */
import { formatBytes, formatSeconds, PAGE_BYTES } from '../../../libraries/units/index.js';
import type { Decision, DecisionReason, PrecopyState } from './decide.js';

const because: Record<DecisionReason, string> = {
  'tiny-leftover': 'so few that the final dump takes them along',
  'fits-downtime': 'that fits the downtime target',
  'round-limit': 'the round limit is reached',
  'no-longer-shrinks': 'another round would leave as many',
  'too-long': 'and more rounds do not help',
  'still-shrinking': 'another round will leave fewer',
};

const actions: Record<Decision['action'], string> = {
  continue: 'continue',
  freeze: 'freeze',
  'give-up': 'give up',
};

export function explain(state: PrecopyState, decision: Decision): string {
  const left = `${state.remainingPages} pages left after round ${state.roundsDone - 1}`;
  const time = Number.isFinite(decision.lastRoundSeconds)
    ? `${formatSeconds(decision.lastRoundSeconds)} to send at ${rate(state.bytesPerSecond)}`
    : 'no page has travelled yet';
  const written = `${rate(state.dirtyPagesPerSecond * PAGE_BYTES)} written`;
  return `${left}: ${time}, ${written}; ${because[decision.reason]} → ${actions[decision.action]}`;
}

const rate = (bytesPerSecond: number): string => `${formatBytes(bytesPerSecond)}/s`;
