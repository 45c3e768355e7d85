/**
 * From the results of rounds to the rates that the pre-copy decision needs.
 *
 * Throughput is the best of any round, its scan excluded: a round of few pages is mostly fixed cost, and would
 * make the link look slow. The dirty rate is the last round's.
 */
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import type { PrecopyState } from './decide.js';

/** What is known of one round. */
export interface RoundMeasure {
  readonly bytes: number;
  readonly seconds: number;
  readonly scanSeconds: number;
  readonly dirtyPagesAfter: number;
}

/** A round that takes no time at all was not measured; this is the shortest that counts. */
const shortestSeconds = 0.001;

export interface PrecopyTargets {
  readonly maxRounds: number;
  readonly maxDowntimeSeconds: number;
  readonly fixedDowntimeSeconds: number;
  readonly mayThrottle: boolean;
  readonly cpuShare: number;
}

/** `rounds` is not empty. */
export function measure(rounds: readonly RoundMeasure[], targets: PrecopyTargets): PrecopyState {
  const last = rounds.at(-1);
  return {
    ...targets,
    roundsDone: rounds.length,
    remainingPages: last?.dirtyPagesAfter ?? 0,
    previousRemainingPages: rounds.at(-2)?.dirtyPagesAfter,
    bytesPerSecond: Math.max(0, ...rounds.map(throughput)),
    dirtyPagesPerSecond:
      last === undefined ? 0 : last.dirtyPagesAfter / Math.max(last.seconds, shortestSeconds),
    scanSeconds: last?.scanSeconds ?? 0,
  };
}

/** Bytes per second while the round's pages travelled. */
export function throughput(round: RoundMeasure): number {
  if (round.bytes < PAGE_BYTES) return 0;
  return round.bytes / Math.max(round.seconds - round.scanSeconds, shortestSeconds);
}
