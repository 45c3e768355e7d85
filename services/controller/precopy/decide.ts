/**
 * After each pre-copy round: another round, freeze now, slow the container down, or give up?
 *
 * Theory of operation. A round sends what the one before left dirty, while the container goes on writing. It
 * pays as long as it leaves less than it found: then the last round, which the container spends frozen, gets
 * shorter. What it will leave is the dirty rate times the time it takes, so rounds stop paying when the
 * container writes about as fast as pages travel. The rules, in this order:
 *
 *   1. a tiny leftover                        → freeze: it adds little to the frozen round, or to CRIU's dump
 *   2. sending the rest fits the downtime     → freeze
 *      target
 *   3. the round limit is reached             → freeze: a bounded migration beats an ideal one
 *   4. rounds no longer shrink                → freeze: waiting longer buys nothing
 *   5. else                                   → continue
 *
 * Where 3 or 4 would freeze, the pages left would take longer than `throttleMargin` times the downtime target, and it
 * is allowed, the container is throttled instead and another round run: it may use half of the CPU that it used before,
 * then a quarter, never less than `leastCpuShare`. Fewer pages are written then, and rounds shrink again. Each step is
 * taken once, so at most `maxRounds` + `throttleSteps` rounds are run.
 *
 * Where 3 or 4 would still freeze the container for longer than `giveUpSeconds` just to send its pages, the answer is
 * to give up: its connections would not outlive that, and rolling back costs it nothing.
 *
 * The downtime target is held against the sending of the pages that are left, for that is all that another round can
 * change. `predictedDowntimeSeconds` adds the scan, which every round costs, and what freeze, dump, restore and
 * activation took lately, whatever the memory.
 *
 * Pure: no clock, no state. Limits: the dirty rate is an average over the round and understates a container
 * whose working set was dirtied many times over; that errs towards another round, and 3 bounds it.
 */
import { PAGE_BYTES } from '../../../libraries/units/index.js';

/** Fewer pages than this are not worth a round, nor a look at the rates. */
export const tinyPageCount = 64;
/** A round that leaves more than this share of what it found does not shrink. */
export const shrinkFactor = 0.9;
export const giveUpSeconds = 60;
/** What freezing now must take, in downtime targets, before a container is slowed down for it. */
export const throttleMargin = 3;
export const leastCpuShare = 0.1;
/** A half, a quarter, an eighth. */
export const throttleSteps = 3;

export interface PrecopyState {
  readonly roundsDone: number;
  readonly maxRounds: number;
  /** Written while the last round ran, so still to be sent. */
  readonly remainingPages: number;
  /** The same before the last round; undefined after the first. */
  readonly previousRemainingPages: number | undefined;
  /** How fast pages travel; 0 where nothing has been measured. */
  readonly bytesPerSecond: number;
  readonly dirtyPagesPerSecond: number;
  /** What a round costs before the first page travels. */
  readonly scanSeconds: number;
  readonly maxDowntimeSeconds: number;
  /** Downtime that does not depend on the pages left, as lately measured. */
  readonly fixedDowntimeSeconds: number;
  readonly mayThrottle: boolean;
  /** Of the CPU that the container used by itself; 1 while it is not throttled. */
  readonly cpuShare: number;
}

/** After `throttle`, as after `continue`, comes another round. */
export const decisionKinds = [
  { action: 'continue', reason: 'still-shrinking' },
  { action: 'freeze', reason: 'tiny-leftover' },
  { action: 'freeze', reason: 'fits-downtime' },
  { action: 'freeze', reason: 'round-limit' },
  { action: 'freeze', reason: 'no-longer-shrinks' },
  { action: 'throttle', reason: 'round-limit' },
  { action: 'throttle', reason: 'no-longer-shrinks' },
  { action: 'give-up', reason: 'too-long' },
] as const;

type DecisionKind = (typeof decisionKinds)[number];
export type DecisionReason = DecisionKind['reason'];

export type Decision = DecisionKind & Prediction;

interface Prediction {
  /** What the container may use from now on. */
  readonly nextCpuShare: number;
  /** How long the pages that are left would travel. Infinity where none has travelled yet. */
  readonly sendSeconds: number;
  /** The last round's, scan included, were the container frozen now. */
  readonly lastRoundSeconds: number;
  readonly predictedDowntimeSeconds: number;
  /** What one more round would leave. */
  readonly predictedRemainingPages: number;
}

export function decide(state: PrecopyState): Decision {
  const sendSeconds = secondsToSend(state);
  const lastRoundSeconds = sendSeconds === 0 ? 0 : state.scanSeconds + sendSeconds;
  const prediction = {
    nextCpuShare: state.cpuShare,
    sendSeconds,
    lastRoundSeconds,
    predictedDowntimeSeconds: lastRoundSeconds + state.fixedDowntimeSeconds,
    predictedRemainingPages: Math.round(state.dirtyPagesPerSecond * lastRoundSeconds),
  };
  if (state.remainingPages <= tinyPageCount) {
    return { action: 'freeze', reason: 'tiny-leftover', ...prediction };
  }
  if (sendSeconds <= state.maxDowntimeSeconds) {
    return { action: 'freeze', reason: 'fits-downtime', ...prediction };
  }
  const reason =
    state.roundsDone >= state.maxRounds
      ? 'round-limit'
      : noLongerShrinks(state, prediction.predictedRemainingPages)
        ? 'no-longer-shrinks'
        : undefined;
  if (reason === undefined) return { action: 'continue', reason: 'still-shrinking', ...prediction };
  const nextCpuShare = state.cpuShare / 2;
  const isFarOff = sendSeconds > throttleMargin * state.maxDowntimeSeconds;
  if (state.mayThrottle && isFarOff && nextCpuShare >= leastCpuShare) {
    return { ...prediction, action: 'throttle', reason, nextCpuShare };
  }
  if (lastRoundSeconds > giveUpSeconds) return { action: 'give-up', reason: 'too-long', ...prediction };
  return { action: 'freeze', reason, ...prediction };
}

function secondsToSend(state: PrecopyState): number {
  if (state.remainingPages === 0) return 0;
  if (state.bytesPerSecond <= 0) return Infinity;
  return (state.remainingPages * PAGE_BYTES) / state.bytesPerSecond;
}

function noLongerShrinks(state: PrecopyState, predictedRemainingPages: number): boolean {
  const previous = state.previousRemainingPages;
  if (previous !== undefined && state.remainingPages > previous * shrinkFactor) return true;
  return predictedRemainingPages > state.remainingPages * shrinkFactor;
}
