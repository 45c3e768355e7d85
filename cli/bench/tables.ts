/**
 * The experiment's figures as rows of text, for the terminal and for the page: per cell the medians of each mode, then
 * what the VMs' CPU went to, the savings of all cells and what they say together, then the bars.
 */
import { formatBytes } from '../../libraries/units/index.js';
import type { ModeName } from '../options.js';
import { formatCount } from '../report/comparison.js';
import { modeNames } from '../report/figures.js';
import { formatTable, type Column } from '../table.js';
import { barsNote } from './bars.js';
import type { BenchFile } from './bench-file.js';
import type { BenchStatistics } from './bench-statistics.js';
import { cellText, isSameCell } from './cell-text.js';
import { barColumns, barRows } from './check-bars.js';
import type { Cell } from './plan.js';
import { savingNames } from './savings.js';
import { growthTable } from './growth-table.js';
import { percent, seconds, spreadText } from './spread-text.js';
import { cellsOf, type ModeStatistics } from './statistics.js';
import type { TextTable } from './text-table.js';
import { vmMemoryTable } from './vm-memory-table.js';
import { vmStepsTables } from './vm-steps-table.js';
import { vmUsesTable } from './vm-uses-table.js';
import type { WholeVmRatio, WholeVmStatistics } from './whole-vm.js';

const wholeVmTitle = 'whole VM (QEMU)';
const count = (value: number): string => formatCount(Math.round(value));

/** What both have is read from either. */
type Row = ModeStatistics | WholeVmStatistics;

interface FigureRow {
  readonly label: string;
  readonly of: (row: ModeStatistics) => string;
  /** Where whole-VM migration has no such figure, a dash. */
  readonly ofWholeVm?: (row: WholeVmStatistics) => string;
}

const common = (label: string, of: (row: Row) => string): FigureRow => ({ label, of, ofWholeVm: of });

const figureRows: readonly FigureRow[] = [
  common('migrations that count', (row) => String(row.count)),
  common('total time', (row) => spreadText(row.totalSeconds, seconds, 's')),
  common('downtime', (row) => spreadText(row.downtimeSeconds, seconds, 's')),
  common('client pause', (row) => spreadText(row.clientPauseSeconds, seconds, 's')),
  { label: 'pages sent', of: (row) => spreadText(row.pagesSent, count) },
  common('bytes sent', (row) => spreadText(row.bytesSent, formatBytes)),
  { label: 'hypercalls', of: (row) => spreadText(row.hypercalls, count) },
  { label: 'source CPU, transfer', of: ({ source }) => spreadText(source.transfer, seconds, 's') },
  {
    label: 'source CPU, total',
    of: ({ source }) => spreadText(source.total, seconds, 's'),
    ofWholeVm: ({ source }) => spreadText(source, seconds, 's'),
  },
  {
    label: 'destination CPU, transfer',
    of: ({ destination }) => spreadText(destination.transfer, seconds, 's'),
  },
  {
    label: 'destination CPU, total',
    of: ({ destination }) => spreadText(destination.total, seconds, 's'),
    ofWholeVm: ({ destination }) => spreadText(destination, seconds, 's'),
  },
];

/** One table a cell, with a column a mode, and one for whole-VM migration where it was measured. */
export function medianTables({ modes, wholeVm }: BenchStatistics): TextTable[] {
  return cellsOf(modes).map((cell) => {
    const ofCell = modes.filter((row) => isSameCell(row, cell));
    const yardstick = wholeVm.filter((row) => isSameCell(row, cell));
    const names = [...ofCell.map(({ mode }) => modeNames[mode]), ...yardstick.map(() => wholeVmTitle)];
    return {
      title: cellText(cell),
      head: ['median (minimum–maximum)', ...names],
      rows: figureRows.map(({ label, of, ofWholeVm = () => '–' }) => [
        label,
        ...ofCell.map(of),
        ...yardstick.map(ofWholeVm),
      ]),
    };
  });
}

const ratioColumns: readonly { readonly title: string; readonly ratio: WholeVmRatio }[] = [
  { title: 'total time', ratio: 'totalTime' },
  { title: 'downtime', ratio: 'downtime' },
  { title: 'source CPU, total', ratio: 'sourceTotal' },
  { title: 'destination CPU, total', ratio: 'destinationTotal' },
];

/** One row a cell; undefined where nothing was measured to compare. */
export function wholeVmTable({ wholeVm }: BenchStatistics): TextTable | undefined {
  const rows = wholeVm.flatMap((entry) => {
    const ratios = ratioColumns.map(({ ratio }) => entry.portkeyTimes[ratio]);
    return ratios.every((ratio) => ratio === null) ? [] : [[cellText(entry), ...ratios.map(timesText)]];
  });
  if (rows.length === 0) return undefined;
  return {
    title: 'Portkey mode against whole-VM migration by QEMU, median against median',
    head: ['size, writes', ...ratioColumns.map(({ title }) => title)],
    rows,
  };
}

const timesText = (ratio: number | null): string => (ratio === null ? '–' : `${ratio.toFixed(2)} ×`);

/** One row a cell; undefined where Portkey mode was not measured. */
export function savingsTable({ modes, savings, relay }: BenchStatistics): TextTable | undefined {
  const ofMode = (cell: Cell, mode: ModeName): ModeStatistics | undefined =>
    modes.find((row) => row.mode === mode && isSameCell(row, cell));
  const cells = cellsOf(modes).filter((cell) => ofMode(cell, 'portkey') !== undefined);
  if (cells.length === 0) return undefined;
  const rows = cells.map((cell) => {
    const saving = savings.find((entry) => isSameCell(entry, cell));
    const timesFloor = relay.find((entry) => isSameCell(entry, cell))?.timesFloor ?? null;
    return [
      cellText(cell),
      ...savingNames.map(({ name }) => spreadText(saving?.percentLess[name] ?? null, percent, '%')),
      spreadText(ofMode(cell, 'portkey')?.hypercalls ?? null, count),
      timesText(timesFloor),
    ];
  });
  return {
    title: 'Less than CRIU mode: median of the pairs (minimum–maximum)',
    head: ['size, writes', ...savingNames.map(({ title }) => title), 'hypercalls', 'relay / floor'],
    rows,
  };
}

export function barsTable({ bars }: BenchFile): TextTable | undefined {
  if (bars === undefined) return undefined;
  return { title: 'Bars', head: barColumns, rows: barRows(bars), note: barsNote };
}

/** All of it for a terminal. */
export function benchText(file: BenchFile): string {
  const { statistics } = file;
  const all = [
    ...medianTables(statistics),
    vmUsesTable(statistics.modes),
    ...vmStepsTables(statistics.modes),
    savingsTable(statistics),
    wholeVmTable(statistics),
    growthTable(statistics.growth),
    vmMemoryTable(statistics.vmMemory),
  ];
  const tables = all.map((table) => (table === undefined ? '' : terminalTable(table)));
  const bars = barsTable(file);
  if (bars !== undefined) tables.push(terminalTable(bars, 2));
  return tables.filter((table) => table !== '').join('\n\n');
}

/** The first `left` columns are text, the rest are figures. */
function terminalTable({ title, head, rows, note }: TextTable, left = 1): string {
  const columns = head.map((text, index): Column => ({
    title: text,
    align: index < left ? 'left' : 'right',
  }));
  return [title, formatTable(columns, rows), ...(note === undefined ? [] : [note])].join('\n\n');
}
