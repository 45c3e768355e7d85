/** All that is computed from a run of the experiment. */
import type { Floor } from '../../testbed/index.js';
import type { BenchMigration } from './bench-migration.js';
import { relayStatisticsOf, type RelayStatistics } from './relay.js';
import { savingsOf, type CellSavings } from './savings.js';
import { modeStatisticsOf, type ModeStatistics } from './statistics.js';
import { wholeVmStatisticsOf, type WholeVmMigration, type WholeVmStatistics } from './whole-vm.js';

/** What the experiment has measured so far. */
export interface BenchResults {
  readonly migrations: readonly BenchMigration[];
  readonly floor: readonly Floor[];
  readonly wholeVm: readonly WholeVmMigration[];
}

export interface BenchStatistics {
  readonly modes: readonly ModeStatistics[];
  readonly savings: readonly CellSavings[];
  readonly relay: readonly RelayStatistics[];
  readonly wholeVm: readonly WholeVmStatistics[];
}

export function benchStatisticsOf({ migrations, floor, wholeVm }: BenchResults): BenchStatistics {
  const modes = modeStatisticsOf(migrations);
  return {
    modes,
    savings: savingsOf(migrations),
    relay: relayStatisticsOf(migrations, floor),
    wholeVm: wholeVmStatisticsOf(wholeVm, modes),
  };
}
