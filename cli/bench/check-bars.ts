/** Holds a run's figures against the bars. A bar whose cell was not run, or not in both modes, is not measured. */
import { bars, measures, type Bar } from './bars.js';
import type { BenchStatistics } from './bench-statistics.js';
import { cellText, isSameCell } from './cell-text.js';
import type { Cell } from './plan.js';
import type { SavingName } from './savings.js';

export interface BarResult extends Cell {
  readonly what: string;
  readonly sense: 'at least' | 'at most';
  readonly limit: number;
  /** Of `limit` and `measured`; empty for a count. */
  readonly unit: string;
  readonly measured: number | null;
  readonly met: boolean | null;
}

export function checkBars(statistics: BenchStatistics): BarResult[] {
  return bars.map((bar) => {
    const { what, cell, figure, limit } = bar;
    const { sense, unit } = measures[figure.kind];
    const measured = measure(statistics, bar) ?? null;
    const met = measured === null ? null : sense === 'at least' ? measured >= limit : measured <= limit;
    return { what, ...cell, sense, limit, unit, measured, met };
  });
}

export const barColumns = ['', 'size, writes', 'bar', 'measured', 'met'] as const;

export function barRows(results: readonly BarResult[]): string[][] {
  return results.map((result) => {
    const { what, sense, limit, unit, measured, met } = result;
    const digits = Object.values(measures).find((each) => each.unit === unit)?.digits ?? 0;
    const bar = `${sense === 'at least' ? '≥' : '≤'} ${limit} ${unit}`.trim();
    const shown = measured === null ? 'not measured' : `${measured.toFixed(digits)} ${unit}`.trim();
    return [what, cellText(result), bar, shown, met === null ? '–' : met ? 'yes' : 'NO'];
  });
}

function measure(statistics: BenchStatistics, { cell, figure }: Bar): number | undefined {
  switch (figure.kind) {
    case 'percent-less':
      return savingOf(statistics, cell, figure.saving);
    case 'times-criu': {
      const percent = savingOf(statistics, cell, figure.saving);
      return percent === undefined ? undefined : 1 - percent / 100;
    }
    case 'hypercalls':
      return statistics.modes.find(({ mode, ...entry }) => mode === 'portkey' && isSameCell(entry, cell))
        ?.hypercalls?.median;
    case 'times-floor':
      return statistics.relay.find((entry) => isSameCell(entry, cell))?.timesFloor ?? undefined;
    case 'times-whole-vm':
      return (
        statistics.wholeVm.find((entry) => isSameCell(entry, cell))?.portkeyTimes[figure.ratio] ?? undefined
      );
  }
}

function savingOf({ savings }: BenchStatistics, cell: Cell, name: SavingName): number | undefined {
  return savings.find((entry) => isSameCell(entry, cell))?.percentLess[name]?.median;
}
