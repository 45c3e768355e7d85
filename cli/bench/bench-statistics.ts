/** All that is computed from a run of the experiment. */
import type { Floor } from '../../testbed/index.js';
import type { BenchMigration } from './bench-migration.js';
import { growthOf, type GrowthStatistics } from './growth.js';
import { relayStatisticsOf, type RelayStatistics } from './relay.js';
import { savingsOf, type CellSavings } from './savings.js';
import { modeStatisticsOf, type ModeStatistics } from './statistics.js';
import { vmMemoryStatisticsOf, type VmMemoryModes, type VmMemoryStatistics } from './vm-memory-statistics.js';
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
  readonly growth: readonly GrowthStatistics[];
  /** Empty where all VMs had the same memory. */
  readonly vmMemory: readonly VmMemoryStatistics[];
}

/** Of one test bed, of VMs with so much memory; `others` are those that were run besides. */
export function benchStatisticsOf(
  { migrations, floor, wholeVm }: BenchResults,
  vmMemoryBytes: number,
  others: readonly VmMemoryModes[],
): BenchStatistics {
  const modes = modeStatisticsOf(migrations);
  return {
    modes,
    savings: savingsOf(migrations),
    relay: relayStatisticsOf(migrations, floor),
    wholeVm: wholeVmStatisticsOf(wholeVm, modes),
    growth: growthOf(modes),
    vmMemory: vmMemoryStatisticsOf([{ vmMemoryBytes, modes }, ...others]),
  };
}
