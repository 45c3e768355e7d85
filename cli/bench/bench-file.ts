/**
 * bench.json: every migration and every measurement of a yardstick as they were, and what follows from them.
 *
 * docs/report.md describes it. `statistics` and `bars` are computed from the rest and from nothing else. With several
 * memories for the VMs all but `otherBeds` and `statistics.vmMemory` is of the first one, as if it had been the only one.
 */
import type { Floor } from '../../testbed/index.js';
import { testbedFacts, type ReportFile, type TestbedFacts } from '../report/report-file.js';
import type { BenchMigration } from './bench-migration.js';
import { benchStatisticsOf, type BenchResults, type BenchStatistics } from './bench-statistics.js';
import { checkBars, type BarResult } from './check-bars.js';
import { modeStatisticsOf, type ModeStatistics } from './statistics.js';
import type { WholeVmMigration } from './whole-vm.js';

export interface BenchFile extends ReportFile {
  readonly migrations: readonly BenchMigration[];
  readonly floor: readonly Floor[];
  readonly wholeVm: readonly WholeVmMigration[];
  readonly statistics: BenchStatistics;
  /** Only with several memories: the same migrations in VMs of the others. */
  readonly otherBeds?: readonly OtherBed[];
  /** Only where the bars were asked for. */
  readonly bars?: readonly BarResult[];
}

export interface OtherBed extends Pick<ReportFile, 'testbed'> {
  readonly migrations: readonly BenchMigration[];
  readonly modes: readonly ModeStatistics[];
}

export function benchFile(
  testbed: TestbedFacts,
  { migrations, floor, wholeVm }: BenchResults,
  options: { readonly bars: boolean },
  others: readonly Pick<OtherBed, 'testbed' | 'migrations'>[] = [],
): BenchFile {
  const otherBeds = others.map((bed): OtherBed => {
    const modes = modeStatisticsOf(bed.migrations);
    return { testbed: testbedFacts(bed.testbed), migrations: [...bed.migrations], modes };
  });
  const statistics = benchStatisticsOf(
    { migrations, floor, wholeVm },
    testbed.vmMemoryBytes,
    otherBeds.map(({ testbed: { vmMemoryBytes }, modes }) => ({ vmMemoryBytes, modes })),
  );
  return {
    version: 1,
    testbed: testbedFacts(testbed),
    migrations: [...migrations],
    floor: [...floor],
    wholeVm: [...wholeVm],
    statistics,
    ...(otherBeds.length === 0 ? {} : { otherBeds }),
    ...(options.bars ? { bars: checkBars(statistics) } : {}),
  };
}
