/**
 * Horizontal bars made of parts, in groups: who used how much, and what of.
 *
 * Rows of one group stand together under its title; all share one axis, so lengths compare across groups.
 */
import { linearScale } from './scale.js';
import { element, picture, text, titledRect } from './svg.js';

export interface Segment {
  /** Class of the colour, and what the legend calls it. */
  readonly key: string;
  readonly label: string;
  readonly value: number;
}

export interface BarRow {
  readonly label: string;
  readonly segments: readonly Segment[];
  /** Written after the bar. */
  readonly total: string;
}

export interface BarGroup {
  readonly title: string;
  readonly rows: readonly BarRow[];
}

const width = 720;
const left = 96;
const right = 90;
const barHeight = 26;
const rowHeight = 36;
const titleHeight = 30;
const axisHeight = 44;

export function stackedBars(groups: readonly BarGroup[], axisTitle: string, label: string): string {
  const rows = groups.flatMap((group) => group.rows);
  const most = Math.max(...rows.map((row) => row.segments.reduce((sum, { value }) => sum + value, 0)), 0);
  const scale = linearScale(most, width - left - right);
  const height = groups.length * titleHeight + rows.length * rowHeight + axisHeight;
  const bottom = height - axisHeight;
  const parts: string[] = [];
  for (const tick of scale.ticks) {
    const x = left + scale.length(tick);
    parts.push(element('line', { class: 'grid', x1: x, x2: x, y1: 8, y2: bottom }));
    parts.push(text(x, bottom + 18, scale.label(tick), { class: 'tick', 'text-anchor': 'middle' }));
  }
  parts.push(
    text(left + scale.length(most) / 2, bottom + 38, axisTitle, { class: 'axis', 'text-anchor': 'middle' }),
  );
  let y = 0;
  for (const group of groups) {
    parts.push(text(0, y + 20, group.title, { class: 'group' }));
    y += titleHeight;
    for (const row of group.rows) {
      parts.push(...bar(row, y, scale.length));
      y += rowHeight;
    }
  }
  return picture(width, height, label, parts);
}

function bar(row: BarRow, y: number, length: (value: number) => number): string[] {
  const middle = y + barHeight / 2 + 5;
  const parts = [text(left - 10, middle, row.label, { class: 'label', 'text-anchor': 'end' })];
  let x = left;
  for (const { key, label, value } of row.segments) {
    const segmentWidth = length(value);
    if (segmentWidth > 0)
      parts.push(
        titledRect(
          { class: `fill-${key}`, x, y, width: segmentWidth, height: barHeight },
          `${label}: ${value.toFixed(2)}`,
        ),
      );
    x += segmentWidth;
  }
  parts.push(text(x + 8, middle, row.total, { class: 'value' }));
  return parts;
}
