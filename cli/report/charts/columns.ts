/**
 * Columns side by side, one series a mode: a value per round.
 *
 * Each column carries its value, because the first round dwarfs all others.
 */
import { linearScale } from './scale.js';
import { element, picture, text, titledRect } from './svg.js';

export interface Series {
  /** Class of the colour. */
  readonly key: string;
  readonly label: string;
  readonly values: readonly number[];
  /** Positions whose column is drawn hatched: something is special about them. */
  readonly marked: readonly number[];
}

const width = 720;
const height = 300;
const left = 76;
const top = 24;
const bottom = 250;

export function columns(series: readonly Series[], axes: { x: string; y: string }, label: string): string {
  const count = Math.max(...series.map(({ values }) => values.length), 1);
  const most = Math.max(...series.flatMap(({ values }) => values), 0);
  const scale = linearScale(most, bottom - top, 4);
  const slot = (width - left) / count;
  const columnWidth = Math.min(64, (slot * 0.8) / Math.max(1, series.length));
  const parts: string[] = [];
  for (const tick of scale.ticks) {
    const y = bottom - scale.length(tick);
    parts.push(element('line', { class: 'grid', x1: left, x2: width, y1: y, y2: y }));
    parts.push(text(left - 8, y + 4, scale.label(tick), { class: 'tick', 'text-anchor': 'end' }));
  }
  for (let index = 0; index < count; index += 1) {
    const middle = left + slot * (index + 0.5);
    parts.push(text(middle, bottom + 18, String(index), { class: 'tick', 'text-anchor': 'middle' }));
    series.forEach(({ key, label: name, values, marked }, position) => {
      const value = values[index];
      if (value === undefined) return;
      const x = middle + (position - series.length / 2) * columnWidth;
      const length = Math.max(1, scale.length(value));
      const box = { x: x + 1, y: bottom - length, width: columnWidth - 2, height: length };
      const special = marked.includes(index);
      parts.push(
        titledRect({ class: `fill-${key}`, ...box }, `${name}, round ${index}: ${value}`),
        ...(special ? [element('rect', { class: 'hatched', ...box })] : []),
        text(x + columnWidth / 2, bottom - length - 6, scale.label(value), {
          class: 'tick value-small',
          'text-anchor': 'middle',
        }),
      );
    });
  }
  parts.push(text(left, 12, axes.y, { class: 'axis' }));
  parts.push(text((left + width) / 2, bottom + 40, axes.x, { class: 'axis', 'text-anchor': 'middle' }));
  return picture(width, height, label, parts);
}
