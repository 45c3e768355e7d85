/**
 * What the experiment runs, in order.
 *
 * A cell is one size with one write rate: one container, which goes to and fro between two VMs. First come warm-ups,
 * which are not measured; then the modes take turns, one repetition after the other, so that whatever drifts on the
 * machine meets all modes alike.
 *
 * With two modes a repetition is a pair, and a round trip: its first migration goes away from home, its second comes
 * back. Were that all, each mode would always go the same way, and what is measured of a mode could as well be of the VM
 * that it starts from. So between two pairs the container is moved once more, in the cheaper mode, which is not counted
 * (A B · A B · A B …): the next pair goes the other way. Over an even number of pairs each mode goes each way equally
 * often, over an odd one once more one way than the other; a migration's `from` and `to` say which. The same between
 * warm-ups: after two of them every mode has left both VMs once before it is measured there.
 *
 * The other way to turn direction, to turn every second pair round (A B, B A), has one mode run twice in a row.
 */
import type { ModeName } from '../options.js';

export interface Cell {
  readonly memoryBytes: number;
  readonly writeBytesPerSecond: number;
}

export interface PlannedMigration {
  readonly mode: ModeName;
  /** From 1; migrations of one repetition are compared with each other. Those that are not counted, on their own. */
  readonly repetition: number;
  /** Not counted: a warm-up, or a move that turns the direction. */
  readonly warmUp: boolean;
}

export interface BenchPlan {
  readonly cells: readonly Cell[];
  /** Of each cell. */
  readonly migrations: readonly PlannedMigration[];
  readonly modes: readonly ModeName[];
  readonly repeat: number;
  readonly floor: boolean;
  readonly wholeVm: boolean;
  /** Whether free memory of the machine is touched before each measurement, where that is a VM itself. */
  readonly touchMemory: boolean;
}

export interface PlanOptions {
  readonly sizes: readonly number[];
  readonly writeRates: readonly number[];
  readonly modes: readonly ModeName[];
  readonly warmUp: number;
  readonly repeat: number;
  readonly floor: boolean;
  readonly wholeVm: boolean;
  readonly coldMemory?: boolean;
}

/** What is named twice runs once: it would be the same cell, or no pair of modes. */
export function planOf(options: PlanOptions): BenchPlan {
  const { sizes, writeRates, modes, warmUp, repeat, floor, wholeVm, coldMemory = false } = options;
  const cells = unique(sizes).flatMap((memoryBytes) =>
    unique(writeRates).map((writeBytesPerSecond) => ({ memoryBytes, writeBytesPerSecond })),
  );
  const turns = unique(modes);
  const migrations = inTurns(turns, [
    ...repetitionsOf(turns, warmUp, true),
    ...repetitionsOf(turns, repeat, false),
  ]);
  return { cells, migrations, modes: turns, repeat, floor, wholeVm, touchMemory: !coldMemory };
}

/** The same migrations, and nothing else. */
export const withoutYardsticks = (plan: BenchPlan): BenchPlan => ({ ...plan, floor: false, wholeVm: false });

/** Of a container's size: what lands of it, with what its allocator and its workload add. */
export const landingTimes = 1.25;
/** Of the floor's size each. */
export const floorFiles = 2;

export function largestSize({ cells }: BenchPlan): number {
  return Math.max(...cells.map(({ memoryBytes }) => memoryBytes));
}

/** The repetitions one after the other, each the other way than the one before it. */
function inTurns(
  modes: readonly ModeName[],
  repetitions: readonly (readonly PlannedMigration[])[],
): PlannedMigration[] {
  const mode = modes.includes('portkey') ? 'portkey' : modes[0];
  // An odd number of migrations turns by itself.
  if (mode === undefined || modes.length % 2 === 1) return repetitions.flat();
  return repetitions.flatMap((repetition, index) =>
    index === 0 ? repetition : [{ mode, repetition: index, warmUp: true }, ...repetition],
  );
}

function repetitionsOf(modes: readonly ModeName[], count: number, warmUp: boolean): PlannedMigration[][] {
  return Array.from({ length: count }, (_, index) =>
    modes.map((mode) => ({ mode, repetition: index + 1, warmUp })),
  );
}

export const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];
