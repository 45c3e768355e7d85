/** `bench`: the experiment over sizes, write rates and modes. */
import { Command } from 'commander';

import { PortkeyError } from '../../libraries/errors/index.js';
import { readState } from '../../testbed/state.js';
import { mediansOf } from '../bench/matrix.js';
import { medianColumns, medianRows, renderBench } from '../bench/page.js';
import { runBench, type BenchOptions } from '../bench/run.js';
import type { Cli } from '../cli.js';
import { modes, optionWithDefault, sizes, wholeNumber } from '../options.js';
import { testbedFacts, writeFiles, type ReportFile } from '../report/report-file.js';
import { formatTable } from '../table.js';
import { workloadPlaceOf } from '../workload-place.js';

const notes = `
The test bed must be up. Writes out/bench.json and out/bench.html.

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
        const migrations = await runBench(cli, controller, workloadPlaceOf(cli.places), options);
        const report: ReportFile = { version: 1, testbed: testbedFacts(testbed), migrations };
        const files = await writeFiles('out', {
          'bench.json': `${JSON.stringify(report, null, 2)}\n`,
          'bench.html': renderBench(report),
        });
        const columns = medianColumns.map(({ title }, index) => ({
          title,
          align: index < 2 ? ('left' as const) : ('right' as const),
        }));
        cli.output.result(report, () =>
          [formatTable(columns, medianRows(mediansOf(migrations))), '', ...files].join('\n'),
        );
        const failed = migrations.filter(({ outcome }) => outcome !== 'completed').length;
        if (failed === 0) return;
        cli.output.failure(
          new PortkeyError('command-failed', `${failed} of ${migrations.length} migrations did not complete`),
        );
        cli.exitCode = 1;
      },
    );
}
