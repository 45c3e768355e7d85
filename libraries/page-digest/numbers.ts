/** Runs and spans as lists of numbers, two each, which is how they travel. */
import type { ByteSpan } from './digest.js';
import type { PageRun } from './regions.js';

export function numbersOfRuns(runs: readonly PageRun[]): number[] {
  return runs.flatMap(({ page, pageCount }) => [page, pageCount]);
}

export function runsOfNumbers(numbers: readonly number[]): PageRun[] {
  return pairs(numbers, (page, pageCount) => ({ page, pageCount }));
}

export function numbersOfSpans(spans: readonly ByteSpan[]): number[] {
  return spans.flatMap(({ address, byteLength }) => [address, byteLength]);
}

export function spansOfNumbers(numbers: readonly number[]): ByteSpan[] {
  return pairs(numbers, (address, byteLength) => ({ address, byteLength }));
}

function pairs<T>(numbers: readonly number[], make: (first: number, second: number) => T): T[] {
  const made: T[] = [];
  for (let at = 0; at + 1 < numbers.length; at += 2) made.push(make(numbers[at] ?? 0, numbers[at + 1] ?? 0));
  return made;
}
