/**
 * Sizes, times and rates as people write them on the command line, and as they like to read them.
 *
 * Sizes are binary (1K = 1024); link rates are decimal bits per second, as `tc` has them.
 */
import { PortkeyError } from '../errors/index.js';

export const PAGE_BYTES = 4096;

const sizeUnits: Record<string, number> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
const timeUnits: Record<string, number> = { ms: 1, s: 1000, m: 60_000 };
const rateUnits: Record<string, number> = { bit: 1, kbit: 1e3, mbit: 1e6, gbit: 1e9 };

function parse(text: string, units: Record<string, number>, what: string, example: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  const number = match?.[1];
  const unit = match?.[2] ?? '';
  const factor = units[unit] ?? units[unit.toUpperCase()] ?? units[unit.toLowerCase()];
  if (number === undefined || factor === undefined) {
    throw new PortkeyError('invalid-argument', `'${text}' is not ${what}; write it like ${example}`);
  }
  return Number(number) * factor;
}

/** "256M" → 268435456. "iB" and "B" endings are accepted. Throws `invalid-argument`. */
export function parseBytes(text: string): number {
  return Math.round(parse(text.replace(/(?<=[KMGT\d])i?B$/i, ''), sizeUnits, 'a size', '256M, 2G or 4096'));
}

/** "300ms" → 300; "2s" → 2000. A unit is needed. Throws `invalid-argument`. */
export function parseMilliseconds(text: string): number {
  return parse(text, timeUnits, 'a time', '300ms or 2s');
}

/** "10gbit" → 1.25e9 bytes per second. Throws `invalid-argument`. */
export function parseBitRate(text: string): number {
  return parse(text, rateUnits, 'a rate', '10gbit or 500mbit') / 8;
}

/** 268435456 → "256 MiB". */
export function formatBytes(bytes: number): string {
  const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let index = 0;
  while (Math.abs(value) >= 1024 && index < names.length - 1) {
    value /= 1024;
    index += 1;
  }
  return `${trim(value, index === 0 ? 0 : 1)} ${names[index] ?? 'B'}`;
}

/** 0.1234 → "123 ms"; 12.345 → "12.35 s". */
export function formatSeconds(seconds: number): string {
  return seconds < 1 ? `${trim(seconds * 1000, 0)} ms` : `${trim(seconds, 2)} s`;
}

function trim(value: number, digits: number): string {
  return value.toFixed(digits).replace(/\.0+$/, '');
}
