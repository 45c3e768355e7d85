/**
 * Holds a run's figures against the bars. A bar whose cell was not run, or not in both modes, is not measured; nor is one
 * over several sizes or VMs where fewer of them were run than it takes.
 */
import { formatBytes } from '../../libraries/units/index.js';
import { bars, measures, type Bar } from './bars.js';
import type { BenchStatistics } from './bench-statistics.js';
import { cellText, isSameCell, writeRateText } from './cell-text.js';
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
  /** Where it is over several sizes, of which `memoryBytes` is the largest: all that were run. */
  readonly sizes?: readonly number[];
  /** Where it is over VMs of several memories. */
  readonly vmMemoryBytes?: readonly number[];
}

/** A figure, and what it is of where the run decides on that. */
interface Measurement extends Pick<BarResult, 'sizes' | 'vmMemoryBytes'> {
  readonly value: number | null | undefined;
  readonly cell?: Cell;
}

export function checkBars(statistics: BenchStatistics): BarResult[] {
  return bars.map((bar) => {
    const { what, figure, limit } = bar;
    const { sense, unit } = measures[figure.kind];
    const { value, ...run } = measure(statistics, bar);
    const measured = value ?? null;
    const met = measured === null ? null : sense === 'at least' ? measured >= limit : measured <= limit;
    const { cell, sizes, vmMemoryBytes } = measured === null ? bar : { ...bar, ...run };
    return {
      what,
      ...cell,
      ...(sizes === undefined ? {} : { sizes }),
      ...(vmMemoryBytes === undefined ? {} : { vmMemoryBytes }),
      sense,
      limit,
      unit,
      measured,
      met,
    };
  });
}

export const barColumns = ['', 'size, writes', 'bar', 'measured', 'met'] as const;

export function barRows(results: readonly BarResult[]): string[][] {
  return results.map((result) => {
    const { what, sense, limit, unit, measured, met } = result;
    const digits = Object.values(measures).find((each) => each.unit === unit)?.digits ?? 0;
    const bar = `${sense === 'at least' ? '≥' : '≤'} ${limit} ${unit}`.trim();
    // The bar beside it says of what.
    const [sign = ''] = unit.split(' ');
    const shown = measured === null ? 'not measured' : `${measured.toFixed(digits)} ${sign}`.trim();
    return [what, placeText(result), bar, shown, met === null ? '–' : met ? 'yes' : 'NO'];
  });
}

/** Short, so that the table fits the page. */
function placeText({ sizes, vmMemoryBytes, ...cell }: BarResult): string {
  if (sizes !== undefined) return `${rangeText(sizes)}, ${writeRateText(cell.writeBytesPerSecond)}`;
  if (vmMemoryBytes === undefined) return cellText(cell);
  return `${formatBytes(cell.memoryBytes)} in ${rangeText(vmMemoryBytes)}`;
}

/** A unit that both have is written once: "2–8 GiB". */
function rangeText(bytes: readonly number[]): string {
  const [least, most] = [formatBytes(Math.min(...bytes)), formatBytes(Math.max(...bytes))];
  const unit = most.slice(most.indexOf(' '));
  return `${least.endsWith(unit) ? least.slice(0, -unit.length) : least}–${most}`;
}

function measure(statistics: BenchStatistics, { cell, figure, sizes }: Bar): Measurement {
  switch (figure.kind) {
    case 'percent-less':
      return { value: savingOf(statistics, cell, figure.saving) };
    case 'times-criu': {
      const percent = savingOf(statistics, cell, figure.saving);
      return { value: percent === undefined ? undefined : 1 - percent / 100 };
    }
    case 'hypercalls': {
      const row = statistics.modes.find(
        ({ mode, ...entry }) => mode === 'portkey' && isSameCell(entry, cell),
      );
      return { value: row?.hypercalls?.median };
    }
    case 'times-floor':
      return { value: statistics.relay.find((entry) => isSameCell(entry, cell))?.timesFloor };
    case 'times-whole-vm': {
      const row = statistics.wholeVm.find((entry) => isSameCell(entry, cell));
      return { value: row?.portkeyTimes[figure.ratio] };
    }
    case 'growth-deviation':
    case 'growth-above-foretold': {
      const growth = statistics.growth.find(({ mode }) => mode === 'portkey');
      if (growth === undefined || !spans(growth.sizes, sizes)) return { value: undefined };
      const fit = growth[figure.side];
      const value = figure.kind === 'growth-deviation' ? fit?.deviationPercent : fit?.aboveForetoldPercent;
      const run = growth.sizes;
      return { value, sizes: run, cell: { ...cell, memoryBytes: Math.max(...run) } };
    }
    case 'times-smaller-vm':
      return ofLargerVm(statistics, figure.side);
  }
}

function savingOf({ savings }: BenchStatistics, cell: Cell, name: SavingName): number | undefined {
  return savings.find((entry) => isSameCell(entry, cell))?.percentLess[name]?.median;
}

/** Whether they reach as far down and up as the bar's. */
function spans(run: readonly number[], wanted: readonly number[] = []): boolean {
  return Math.min(...run) <= Math.min(...wanted) && Math.max(...run) >= Math.max(...wanted);
}

/** The worst of the idle containers that ran in VMs of several memories, at least four times apart. */
function ofLargerVm({ vmMemory }: BenchStatistics, side: 'source' | 'destination'): Measurement {
  const rows = vmMemory.flatMap(({ mode, vms, timesSmallest, ...cell }) => {
    const memories = vms.map(({ vmMemoryBytes }) => vmMemoryBytes);
    const isFarApart = Math.max(...memories) >= 4 * Math.min(...memories);
    const value = timesSmallest[side];
    if (mode !== 'portkey' || cell.writeBytesPerSecond > 0 || !isFarApart || value === null) return [];
    return [{ value, cell, vmMemoryBytes: memories }];
  });
  const [worst] = rows.toSorted((a, b) => b.value - a.value);
  return worst ?? { value: undefined };
}
