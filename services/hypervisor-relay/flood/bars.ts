/**
 * What a flood may cost: bars for its figures, and whether they are met.
 *
 * Time has none where the flood is a migration of the hostile VM's own, all within the protocol: two migrations share what a
 * relay, its processor and the network between hosts can do, whoever they are of (docs/hostile-guests.md). Memory has one for
 * all. A figure that could not be measured (NaN) meets no bar.
 */
import { median } from '../../../libraries/statistics/index.js';
import { formatBytes } from '../../../libraries/units/index.js';
import type { FloodFigures } from './flood-bench.js';
import type { FloodName } from './floods.js';

/** Of another VM's migration, on a machine that does nothing else. */
const mostTimes = 1.2;
/** `sends` takes up to 90 MiB, garbage and threads of its streams included, and no more however often it comes; others a quarter. */
export const mostGrownBytes = 128 * 2 ** 20;

export interface Verdict {
  readonly isMet: boolean;
  /** A line for people. */
  readonly text: string;
}

export function verdictOf(name: FloodName, figures: FloodFigures): Verdict {
  const ratio = median(figures.ratios);
  const isTimeMet = ratio <= mostTimes;
  const isMemoryMet = figures.grownBytes <= mostGrownBytes;
  const timeBar = name === 'sends' ? 'no bar: a migration, too' : bar(String(mostTimes), isTimeMet);
  const milliseconds = (seconds: number): string => `${Math.round(seconds * 1000)} ms`;
  return {
    isMet: (name === 'sends' || isTimeMet) && isMemoryMet,
    text:
      `${name.padEnd(10)} migration ${milliseconds(figures.calmSeconds)} → ${milliseconds(figures.floodedSeconds)}, ` +
      `${ratio.toFixed(2)} × (${timeBar}); the flood takes ${figures.relayCores.toFixed(2)} cores of the relay, ` +
      `its memory grew by ${formatBytes(Math.max(0, figures.grownBytes))} ` +
      `(${bar(formatBytes(mostGrownBytes), isMemoryMet)})`,
  };
}

function bar(most: string, isMet: boolean): string {
  return `at most ${most}: ${isMet ? 'met' : 'missed'}`;
}
