/**
 * The experiment's figures as rows of text, for the terminal and for the page: per cell the medians of each mode, then
 * the savings of all cells, then the bars.
 */
import { formatBytes } from '../../libraries/units/index.js';
import type { ModeName } from '../options.js';
import { formatCount } from '../report/comparison.js';
import { modeNames } from '../report/figures.js';
import { formatTable, type Column } from '../table.js';
import type { BenchFile } from './bench-file.js';
import type { BenchStatistics } from './bench-statistics.js';
import { cellText, isSameCell } from './cell-text.js';
import { barColumns, barRows } from './check-bars.js';
import type { Cell } from './plan.js';
import { savingNames } from './savings.js';
import { percent, seconds, spreadText } from './spread-text.js';
import { cellsOf, type ModeStatistics } from './statistics.js';

export interface TextTable {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const count = (value: number): string => formatCount(Math.round(value));

const figureRows: readonly { readonly label: string; readonly of: (row: ModeStatistics) => string }[] = [
  { label: 'migrations that count', of: (row) => String(row.count) },
  { label: 'total time', of: (row) => spreadText(row.totalSeconds, seconds, 's') },
  { label: 'downtime', of: (row) => spreadText(row.downtimeSeconds, seconds, 's') },
  { label: 'client pause', of: (row) => spreadText(row.clientPauseSeconds, seconds, 's') },
  { label: 'pages sent', of: (row) => spreadText(row.pagesSent, count) },
  { label: 'bytes sent', of: (row) => spreadText(row.bytesSent, formatBytes) },
  { label: 'hypercalls', of: (row) => spreadText(row.hypercalls, count) },
  { label: 'source CPU, transfer', of: ({ source }) => spreadText(source.transfer, seconds, 's') },
  { label: 'source CPU, total', of: ({ source }) => spreadText(source.total, seconds, 's') },
  {
    label: 'destination CPU, transfer',
    of: ({ destination }) => spreadText(destination.transfer, seconds, 's'),
  },
  { label: 'destination CPU, total', of: ({ destination }) => spreadText(destination.total, seconds, 's') },
];

/** One table a cell, with a column a mode. */
export function medianTables({ modes }: BenchStatistics): TextTable[] {
  return cellsOf(modes).map((cell) => {
    const ofCell = modes.filter((row) => isSameCell(row, cell));
    return {
      title: cellText(cell),
      head: ['median (minimum–maximum)', ...ofCell.map(({ mode }) => modeNames[mode])],
      rows: figureRows.map(({ label, of }) => [label, ...ofCell.map(of)]),
    };
  });
}

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
      timesFloor === null ? '–' : `${timesFloor.toFixed(2)} ×`,
    ];
  });
  return {
    title: 'Less than CRIU mode: median of the pairs (minimum–maximum)',
    head: ['size, writes', ...savingNames.map(({ title }) => title), 'hypercalls', 'relay / floor'],
    rows,
  };
}

export function barsTable({ bars }: BenchFile): TextTable | undefined {
  return bars === undefined ? undefined : { title: 'Bars', head: barColumns, rows: barRows(bars) };
}

/** All of it for a terminal. */
export function benchText(file: BenchFile): string {
  const tables = [...medianTables(file.statistics), savingsTable(file.statistics)].map((table) =>
    table === undefined ? '' : terminalTable(table),
  );
  const bars = barsTable(file);
  if (bars !== undefined) tables.push(terminalTable(bars, 2));
  return tables.filter((table) => table !== '').join('\n\n');
}

/** The first `left` columns are text, the rest are figures. */
function terminalTable({ title, head, rows }: TextTable, left = 1): string {
  const columns = head.map((text, index): Column => ({
    title: text,
    align: index < left ? 'left' : 'right',
  }));
  return `${title}\n\n${formatTable(columns, rows)}`;
}
