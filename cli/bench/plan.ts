/**
 * What the experiment runs, in order.
 *
 * A cell is one size with one write rate: one container, which goes to and fro between two VMs. First come warm-ups,
 * which are not measured; then the modes take turns, one repetition after the other, so that whatever drifts on the
 * machine meets all modes alike.
 *
 * With two modes a repetition is a pair, and a round trip: its first migration goes away from home, its second comes
 * back. Were the order always A B, each mode would always go the same way, and what is measured of a mode could as well be
 * of the VM that it starts from. So every second pair is turned round (A B, B A, A B …): over an even number of pairs
 * each mode goes each way equally often, over an odd one once more one way than the other; a migration's `from` and
 * `to` say which. Savings are taken within a pair, which has each mode once, whatever its order.
 *
 * The other way to turn direction is to keep A B A B and move the container between two pairs without counting it. That
 * takes a migration more for each pair, and warms up one mode alone: that which makes the move, in just the VM from which
 * it is measured next. Turned pairs treat both modes alike, take no time, and cancel a steady drift within two pairs.
 *
 * Warm-ups are turned in the same way: after two of them every mode has left both VMs once before it is measured there.
 * One alone leaves one way of each mode cold.
 */
import type { ModeName } from '../options.js';

export interface Cell {
  readonly memoryBytes: number;
  readonly writeBytesPerSecond: number;
}

export interface PlannedMigration {
  readonly mode: ModeName;
  /** From 1; migrations of one repetition are compared with each other. Warm-ups count on their own. */
  readonly repetition: number;
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
  const migrations = [...rounds(turns, warmUp, true), ...rounds(turns, repeat, false)];
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

/** Every second round is the other way round. */
function rounds(modes: readonly ModeName[], count: number, warmUp: boolean): PlannedMigration[] {
  return Array.from({ length: count }, (_, index) =>
    (index % 2 === 0 ? modes : modes.toReversed()).map((mode) => ({ mode, repetition: index + 1, warmUp })),
  ).flat();
}

export const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];
