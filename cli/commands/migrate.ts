/** `migrate NAME --to VM`: migrates a container and waits for the end. */
import { Command } from 'commander';

import { PortkeyError } from '../../libraries/errors/index.js';
import type { Cli } from '../cli.js';
import { migrate, wireModes } from '../migrate/migrate.js';
import { resultTable } from '../migrate/result-table.js';
import {
  bandwidth,
  batch,
  containerName,
  downtime,
  mode,
  optionWithDefault,
  wholeNumber,
  type ModeName,
} from '../options.js';
import { exitCodeOf } from '../report/migration-report.js';
import { workloadPlaceOf } from '../workload-place.js';

interface MigrateOptions {
  readonly to: string;
  readonly mode: ModeName;
  readonly maxDowntime: number;
  readonly maxRounds: number;
  readonly bandwidth?: number;
  readonly batch: string;
  readonly throttle?: true;
  readonly verify?: true;
}

const notes = `
Ctrl-C cancels: the container goes on where it was. A second Ctrl-C leaves the migration to itself.

Examples:
  portkey migrate web --to vm-b
  portkey migrate web --to vm-a --mode criu --json`;

export function migrateCommand(cli: Cli): Command {
  return new Command('migrate')
    .description('migrates a running container to another VM and waits for the end')
    .argument('<name>', 'the container', containerName)
    .requiredOption('--to <vm>', 'the VM it goes to')
    .addOption(optionWithDefault('--mode <portkey|criu>', 'how its memory crosses', mode, 'portkey'))
    .addOption(
      optionWithDefault(
        '--max-downtime <time>',
        'freeze when the rest can be sent within this',
        downtime,
        '300ms',
      ),
    )
    .addOption(
      optionWithDefault(
        '--max-rounds <n>',
        'freeze after so many rounds at the latest',
        wholeNumber(1, 100),
        '8',
      ),
    )
    .option('--bandwidth <rate>', 'cap on what the relay sends, like 1gbit', bandwidth)
    .addOption(optionWithDefault('--batch <adaptive|fixed:N>', 'pages per hypercall', batch, 'adaptive'))
    .option('--throttle', 'give it less CPU where it writes faster than its pages travel')
    .option(
      '--verify',
      'before the commit, compare digests of all pages as frozen and as landed; costs downtime',
    )
    .addHelpText('after', notes)
    .action(async (name: string, options: MigrateOptions) => {
      using controller = await cli.connect();
      const { report, problem } = await migrate(cli, controller, workloadPlaceOf(cli.places), {
        container: name,
        to: options.to,
        mode: wireModes[options.mode],
        maxDowntimeMs: options.maxDowntime,
        maxRounds: options.maxRounds,
        bytesPerSecond: options.bandwidth ?? 0,
        batch: options.batch,
        throttle: options.throttle ?? false,
        verify: options.verify ?? false,
      });
      cli.output.result(report, () => resultTable(report));
      if (problem === undefined) return;
      cli.output.failure(new PortkeyError('restore-failed', problem));
      cli.exitCode = exitCodeOf(report) || 1;
    });
}
