/** Medians as people read them: "1.92 (1.88–2.10) s". A range of one value is left out. */
import type { Spread } from './statistics.js';

export function spreadText(spread: Spread | null, format: (value: number) => string, unit = ''): string {
  if (spread === null) return '–';
  const suffix = unit === '' ? '' : ` ${unit}`;
  const [median, minimum, maximum] = [spread.median, spread.minimum, spread.maximum].map(format);
  if (minimum === maximum) return `${median ?? ''}${suffix}`;
  // A minus and a dash side by side cannot be told apart.
  const dash = spread.minimum < 0 ? ' to ' : '–';
  return `${median ?? ''} (${minimum ?? ''}${dash}${maximum ?? ''})${suffix}`;
}

export const seconds = (value: number): string => value.toFixed(2);
export const percent = (value: number): string => String(Math.round(value) + 0);
