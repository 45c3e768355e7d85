/**
 * bench.json: every migration and every measurement of a yardstick as they were, and what follows from them.
 *
 * docs/report.md describes it. `statistics` and `bars` are computed from the rest and from nothing else.
 */
import type { Floor } from '../../testbed/index.js';
import { testbedFacts, type ReportFile, type TestbedFacts } from '../report/report-file.js';
import type { BenchMigration } from './bench-migration.js';
import { benchStatisticsOf, type BenchResults, type BenchStatistics } from './bench-statistics.js';
import { checkBars, type BarResult } from './check-bars.js';
import type { WholeVmMigration } from './whole-vm.js';

export interface BenchFile extends ReportFile {
  readonly migrations: readonly BenchMigration[];
  readonly floor: readonly Floor[];
  readonly wholeVm: readonly WholeVmMigration[];
  readonly statistics: BenchStatistics;
  /** Only where the bars were asked for. */
  readonly bars?: readonly BarResult[];
}

export function benchFile(
  testbed: TestbedFacts,
  { migrations, floor, wholeVm }: BenchResults,
  options: { readonly bars: boolean },
): BenchFile {
  const statistics = benchStatisticsOf({ migrations, floor, wholeVm });
  return {
    version: 1,
    testbed: testbedFacts(testbed),
    migrations: [...migrations],
    floor: [...floor],
    wholeVm: [...wholeVm],
    statistics,
    ...(options.bars ? { bars: checkBars(statistics) } : {}),
  };
}
