/**
 * Tries cases on a target until it has tried enough of them or one of them breaks a rule.
 *
 *     kept cases ──pick, change──▶ case ──target──▶ outcome ──new?──▶ kept cases
 *                                           └── broken rule ──▶ the case, with what repeats it
 *
 * Guided by outcomes: a case whose outcome (what was answered, which errors) has not been seen is kept, and others are
 * made from it. That is coarser than coverage of the code's branches, but costs nothing, and in code that names each thing
 * it refuses an outcome is a branch. The same seed gives the same cases.
 *
 * Limits: at most `maxKept` cases are kept; of outcomes that many more there are, the later ones are only counted. A case that never
 * ends is the watchdog's to notice (watchdog.ts).
 */
import type { Random } from './random.js';
import type { Watchdog } from './watchdog.js';

export interface Target<Case> {
  readonly name: string;
  /** What the first cases are made from. */
  readonly seeds: readonly [Case, ...Case[]];
  change(from: Case, other: Case, random: Random): Case;
  /** The outcome in a word or two, without numbers. Throws where a rule was broken. */
  run(input: Case): string | Promise<string>;
  /** For people who want to see or repeat a case. */
  print(input: Case): string;
  /** Rules that hold of many cases together, asked every `restEvery` cases and at the end. Throws where one was broken. */
  rest?(): void | Promise<void>;
}

/** What is said of different numbers is one outcome. */
export function withoutNumbers(text: string): string {
  return text.replaceAll(/0x[0-9a-f]+|\d+/g, '#');
}

export interface FuzzResult {
  readonly caseCount: number;
  readonly outcomes: ReadonlyMap<string, number>;
  readonly seconds: number;
  readonly heapGrowthBytes: number;
}

export interface FuzzOptions {
  readonly caseCount: number;
  readonly random: Random;
  readonly nowMs: () => number;
  readonly onProgress?: (caseCount: number, outcomeCount: number) => void;
  /** Told of each case. */
  readonly watchdog?: Watchdog;
  /** Asked where the garbage can be collected before: with `--expose-gc`. */
  readonly maxHeapGrowthBytes?: number;
}

const maxKept = 4_096;
const restEvery = 10_000;
/**
 * What is kept on purpose, cases and outcomes, was measured at up to 3 MiB. Something that keeps 100 bytes of each case is
 * beyond the bar after some hundred thousand.
 */
const defaultHeapGrowthBytes = 16 * 2 ** 20;

export async function fuzz<Case>(target: Target<Case>, options: FuzzOptions): Promise<FuzzResult> {
  const { caseCount, random, nowMs, onProgress, watchdog } = options;
  watchdog?.watch(target.name);
  const kept: [Case, ...Case[]] = [...target.seeds];
  const outcomes = new Map<string, number>();
  const startedMs = nowMs();
  const heapBytes = heapInUse();
  for (let index = 0; index < caseCount; index += 1) {
    const from = random.pick(kept);
    let input = index < target.seeds.length ? (target.seeds[index] ?? from) : from;
    if (index >= target.seeds.length)
      for (let change = random.below(4); change >= 0; change -= 1)
        input = target.change(input, random.pick(kept), random);
    watchdog?.begins(index);
    const outcome = await outcomeOf(target, input, index);
    const seen = outcomes.get(outcome) ?? 0;
    if (seen === 0 && kept.length < maxKept) kept.push(input);
    outcomes.set(outcome, seen + 1);
    if ((index + 1) % restEvery === 0) {
      await target.rest?.();
      onProgress?.(index + 1, outcomes.size);
    }
  }
  await target.rest?.();
  const seconds = (nowMs() - startedMs) / 1000;
  const heapGrowthBytes = heapInUse() - heapBytes;
  requireWithin(target.name, heapGrowthBytes, options.maxHeapGrowthBytes ?? defaultHeapGrowthBytes);
  return { caseCount, outcomes, seconds, heapGrowthBytes };
}

/** What has not been collected, because nothing could be, has not grown. */
function requireWithin(name: string, grownBytes: number, mostBytes: number): void {
  if (globalThis.gc === undefined || grownBytes <= mostBytes) return;
  const [grown, most] = [grownBytes, mostBytes].map((bytes) => (bytes / 2 ** 20).toFixed(1));
  throw new Error(
    `${name}: the heap has grown by ${grown} MiB, more than ${most}: something keeps what cases leave`,
  );
}

/** A promise is only waited for where there is one: that alone would halve the speed. */
async function outcomeOf<Case>(target: Target<Case>, input: Case, index: number): Promise<string> {
  try {
    const outcome = target.run(input);
    return typeof outcome === 'string' ? outcome : await outcome;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${target.name}, case ${index}: ${reason}\n${target.print(input)}`, { cause });
  }
}

function heapInUse(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
