/**
 * The experiment's figures as text. Medians, each of its own figure, so that parts need not add up to the whole; beside the
 * whole its least and most, and the median of its ratio to the first way's, pass by pass.
 */
import { median } from '../../../libraries/statistics/index.js';
import { formatBytes } from '../../../libraries/units/index.js';
import { components, sumOf } from './host-cpu.js';
import { phases, type Passage } from './pass.js';

export interface WayPassages {
  readonly name: string;
  /** In the order of the passes. */
  readonly passages: readonly Passage[];
}

export function passageTable(all: readonly WayPassages[]): string {
  const head = [
    'CPU s of the host',
    ...components,
    'all',
    '(least…most)',
    '× share',
    ...phases,
    'seconds',
    'guest memory',
    'huge pages',
  ];
  const [first] = all;
  const rows = all.map(({ name, passages }) => {
    const whole = passages.map(totalOf);
    const ratios = whole.map((value, index) => {
      const other = first?.passages[index];
      return other === undefined ? Number.NaN : value / totalOf(other);
    });
    return [
      name,
      ...components.map((component) =>
        figure(median(passages.map(({ cpu }) => sum(phases.map((phase) => cpu[phase][component]))))),
      ),
      figure(median(whole)),
      `(${figure(Math.min(...whole))}…${figure(Math.max(...whole))})`,
      figure(median(ratios)),
      ...phases.map((phase) => figure(median(passages.map(({ cpu }) => sumOf(cpu[phase]))))),
      figure(median(passages.map(({ seconds }) => seconds))),
      formatBytes(median(passages.map(({ guestBytes }) => guestBytes))),
      formatBytes(median(passages.map(({ hugeBytes }) => hugeBytes))),
    ];
  });
  return aligned([head, ...rows]);
}

/** One pass as a line of progress. */
export function passageLine(passage: Passage): string {
  const each = phases.map((phase) => `${phase} ${figure(sumOf(passage.cpu[phase]))}`);
  return `${figure(totalOf(passage))} s of CPU (${each.join(', ')}), ${formatBytes(passage.hugeBytes)} of huge pages`;
}

/** CPU of all phases and components. */
export function totalOf({ cpu }: Passage): number {
  return sum(phases.map((phase) => sumOf(cpu[phase])));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function figure(value: number): string {
  return value.toFixed(2);
}

/** The first column to the left, the others to the right. */
function aligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  '),
    )
    .join('\n');
}
