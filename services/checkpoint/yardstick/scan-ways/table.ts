/**
 * The comparison as text: milliseconds, medians of the passes, each of its own figure; CPU with least and most; and the median
 * of the ratios pass by pass.
 */
import { median } from '../../../../libraries/statistics/index.js';
import { formatBytes } from '../../../../libraries/units/index.js';
import type { Compared, Pass, Taken } from './comparison.js';

export interface ComparedLayout {
  readonly layout: string;
  readonly hugeBytes: number;
  readonly compared: readonly Compared[];
}

const head = [
  'memory',
  'in huge pages',
  'asked for',
  'pages',
  'ranges',
  'scan CPU',
  '(least…most)',
  'wall',
  'entries CPU',
  '(least…most)',
  'wall',
  'CPU, scan / entries',
];

export function comparisonTable(layouts: readonly ComparedLayout[]): string {
  const rows = layouts.flatMap(({ layout, hugeBytes, compared }) =>
    compared.map(({ question, answer, passes }) => [
      layout,
      formatBytes(hugeBytes),
      question,
      String(answer.pages),
      String(answer.ranges ?? '–'),
      ...figuresOf(passes.map(({ scan }) => scan)),
      ...figuresOf(passes.map(({ entries }) => entries)),
      median(passes.map(ratioOf)).toFixed(2),
    ]),
  );
  return aligned([head, ...rows]);
}

function figuresOf(taken: readonly Taken[]): string[] {
  const cpu = taken.map(({ cpuMs }) => cpuMs);
  return [
    figure(median(cpu)),
    `(${figure(Math.min(...cpu))}…${figure(Math.max(...cpu))})`,
    figure(median(taken.map(({ wallMs }) => wallMs))),
  ];
}

function ratioOf({ scan, entries }: Pass): number {
  return scan.cpuMs / entries.cpuMs;
}

function figure(milliseconds: number): string {
  return milliseconds.toFixed(2);
}

/** The first column to the left, the others to the right. */
function aligned(rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const cellOf = (cell: string, column: number): string =>
    column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  return rows.map((row) => row.map(cellOf).join('  ')).join('\n');
}
