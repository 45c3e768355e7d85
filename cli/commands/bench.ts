/** `bench`: the experiment over sizes, write rates and modes. */
import { Command } from 'commander';

import { asPortkeyError, PortkeyError } from '../../libraries/errors/index.js';
import { readState } from '../../testbed/state.js';
import { mediansOf } from '../bench/matrix.js';
import { medianColumns, medianRows, renderBench } from '../bench/page.js';
import { runBench, type BenchOptions } from '../bench/run.js';
import type { Cli } from '../cli.js';
import type { Migrated } from '../migrate/migrate.js';
import { modes, optionWithDefault, sizes, wholeNumber } from '../options.js';
import { testbedFacts, writeFiles, type ReportFile } from '../report/report-file.js';
import { formatTable } from '../table.js';
import { workloadPlaceOf } from '../workload-place.js';

const notes = `
The test bed must be up. Writes out/bench.json after each migration and out/bench.html at the end.

Example:
  portkey bench --sizes 64M,256M --write-rates 0,5M --repeat 5`;

export function benchCommand(cli: Cli): Command {
  return new Command('bench')
    .description('the experiment: every size and write rate in every mode, several times')
    .addOption(optionWithDefault('--sizes <list>', 'data in the Redis', sizes, '64M,256M,1G'))
    .addOption(
      optionWithDefault('--write-rates <list>', 'bytes a second that its client writes', sizes, '0,5M'),
    )
    .addOption(optionWithDefault('--modes <list>', 'modes in turn', modes, 'criu,portkey'))
    .addOption(optionWithDefault('--repeat <n>', 'migrations of each kind', wholeNumber(1, 1000), '3'))
    .addHelpText('after', notes)
    .action(
      async (options: { sizes: number[]; writeRates: number[] } & Pick<BenchOptions, 'modes' | 'repeat'>) => {
        const testbed = await readState(cli.places.state);
        if (testbed === undefined)
          throw new PortkeyError(
            'testbed-down',
            "the experiment needs a test bed; start one with 'portkey testbed up'",
          );
        using controller = await cli.connect();
        const done: Migrated[] = [];
        const soFar = (): ReportFile => ({
          version: 1,
          testbed: testbedFacts(testbed),
          migrations: done.map(({ report }) => report),
        });
        let failure: PortkeyError | undefined;
        try {
          await runBench(cli, controller, workloadPlaceOf(cli.places), options, async (migrated) => {
            done.push(migrated);
            await writeFiles('out', { 'bench.json': jsonOf(soFar()) });
          });
        } catch (error) {
          // Without figures there is nothing to save, and the error's own exit code says more.
          if (done.length === 0) throw error;
          failure = asPortkeyError(error);
        }
        const report = soFar();
        const files = await writeFiles('out', {
          'bench.json': jsonOf(report),
          'bench.html': renderBench(report),
        });
        const columns = medianColumns.map(({ title }, index) => ({
          title,
          align: index < 2 ? ('left' as const) : ('right' as const),
        }));
        cli.output.result(report, () =>
          [formatTable(columns, medianRows(mediansOf(report.migrations))), '', ...files].join('\n'),
        );
        const failed = done.filter(({ problem }) => problem !== undefined).length;
        if (failure === undefined && failed > 0)
          failure = new PortkeyError(
            'command-failed',
            `${failed} of ${done.length} migrations did not complete or were not verified`,
          );
        if (failure === undefined) return;
        cli.output.failure(failure);
        cli.exitCode = 1;
      },
    );
}

const jsonOf = (report: ReportFile): string => `${JSON.stringify(report, null, 2)}\n`;
