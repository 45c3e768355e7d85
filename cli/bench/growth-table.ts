/** How CPU grows with the container's memory, a row a mode and host: the line, and how well it holds. */
import { modeNames } from '../report/figures.js';
import type { GrowthStatistics } from './growth.js';
import { seconds } from './spread-text.js';
import type { TextTable } from './text-table.js';

/** Undefined where fewer than three sizes were run. */
export function growthTable(growth: readonly GrowthStatistics[]): TextTable | undefined {
  const rows = growth.flatMap((entry) =>
    (['source', 'destination'] as const).flatMap((side) => {
      const fit = entry[side];
      if (fit === null) return [];
      const { fixedSeconds, secondsPerGib, deviationPercent, aboveForetoldPercent } = fit;
      const lengths = [fixedSeconds, secondsPerGib].map((value) => `${seconds(value)} s`);
      const shares = [deviationPercent, aboveForetoldPercent].map((value) => `${tenths(value)} %`);
      return [[`${modeNames[entry.mode]}, ${side}`, ...lengths, ...shares]];
    }),
  );
  if (rows.length === 0) return undefined;
  return {
    title: 'CPU of the transfer against size, idle: a line through the medians, and how far off they are',
    head: ['mode, host', 'fixed part', 'per GiB', 'largest deviation', 'largest size above foretold'],
    rows,
  };
}

/** Without a minus before what is shown as 0. */
const tenths = (value: number): string => (Math.round(value * 10) / 10 + 0).toFixed(1);
