/**
 * Where the experiment stands, one line a migration: which cell, which of how many, and about how long it goes on.
 *
 * The time left is what has passed, stretched by the weight of what has not run. A migration weighs as its container's
 * memory and a constant, for what CRIU and runc take whatever the size. Verifying the data, and loading it, are in the
 * time that has passed and so in the estimate. Before the first migration has ended there is none.
 */
import { secondsSince, type Clock } from '../../libraries/process/index.js';
import { cellText } from './cell-text.js';
import type { BenchPlan, Cell, PlannedMigration } from './plan.js';

/** At this size a migration takes about twice what it takes with next to nothing. */
const constantBytes = 256 * 2 ** 20;

export class BenchProgress {
  private readonly startMs: number;

  constructor(
    private readonly plan: BenchPlan,
    private readonly clock: Clock,
    private readonly note: (line: string) => void,
  ) {
    this.startMs = clock.monotonicMs();
  }

  /** `index` counts the migrations of the cell. */
  begins(cell: Cell, index: number, migration: PlannedMigration, way: string): void {
    const { cells, migrations, repeat } = this.plan;
    const before = cells.indexOf(cell) * migrations.length + index;
    const turn = migration.warmUp ? 'not counted' : `pair ${migration.repetition} of ${repeat}`;
    const parts = [`${cellText(cell)}: ${migration.mode} mode, ${way}`, turn];
    const left = this.timeLeft(cell, index);
    if (left !== undefined) parts.push(`about ${minutesText(left)} left`);
    this.note(`[${before + 1} of ${cells.length * migrations.length}] ${parts.join(', ')}`);
  }

  private timeLeft(cell: Cell, index: number): number | undefined {
    const { cells, migrations } = this.plan;
    const weights = cells.map(({ memoryBytes }) => memoryBytes + constantBytes);
    const position = cells.indexOf(cell);
    const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
    const all = sum(weights) * migrations.length;
    const done = sum(weights.slice(0, position)) * migrations.length + (weights[position] ?? 0) * index;
    if (done === 0) return undefined;
    return (secondsSince(this.clock, this.startMs) / done) * (all - done);
  }
}

export function minutesText(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  if (minutes < 1) return 'a minute';
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
