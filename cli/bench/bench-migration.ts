/**
 * A migration of the experiment: its report, and its place in the plan.
 *
 * It counts in the statistics only if it was no warm-up, completed in the mode that was asked for, and the client
 * outside said that nothing was lost and its connection is the same. Anything else would compare something else.
 */
import type { ModeName } from '../options.js';
import type { MigrationReport } from '../report/migration-report.js';
import type { Cell } from './plan.js';

export type BenchMigration = MigrationReport & {
  readonly requestedMode: ModeName;
  readonly repetition: number;
  readonly warmUp: boolean;
};

/** One that counts, with what is known of it therefore. */
export type CountedMigration = BenchMigration & { readonly workload: Cell };

export function isCounted(migration: BenchMigration): migration is CountedMigration {
  const { warmUp, outcome, mode, requestedMode, verified, connectionKept, workload } = migration;
  if (warmUp || outcome !== 'completed' || mode !== requestedMode) return false;
  return verified === true && connectionKept === true && workload !== null;
}
