/**
 * Runs and spans as lists of numbers, two each, which is how they travel. Runs are kept so, too, where there are many: as
 * objects they take four times as much.
 */
import type { ByteSpan } from './digest.js';
import type { PageRun } from './regions.js';

export function* runsOfNumbers(numbers: readonly number[]): Generator<PageRun> {
  for (let at = 0; at + 1 < numbers.length; at += 2)
    yield { page: numbers[at] ?? 0, pageCount: numbers[at + 1] ?? 0 };
}

export function numbersOfSpans(spans: readonly ByteSpan[]): number[] {
  return spans.flatMap(({ address, byteLength }) => [address, byteLength]);
}

export function spansOfNumbers(numbers: readonly number[]): ByteSpan[] {
  const spans: ByteSpan[] = [];
  for (let at = 0; at + 1 < numbers.length; at += 2)
    spans.push({ address: numbers[at] ?? 0, byteLength: numbers[at + 1] ?? 0 });
  return spans;
}
