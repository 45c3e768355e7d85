/** `migrate NAME --to VM`: migrates a container and waits for the end. */
import { Command } from 'commander';

import { PortkeyError } from '../../libraries/errors/index.js';
import type { Cli } from '../cli.js';
import { migrate } from '../migrate/migrate.js';
import { addHowOptions, howRequest, type HowOptions } from '../migrate/request.js';
import { resultTable } from '../migrate/result-table.js';
import { containerName } from '../options.js';
import { exitCodeOf } from '../report/migration-report.js';
import { workloadPlaceOf } from '../workload-place.js';

interface MigrateOptions extends HowOptions {
  readonly to: string;
}

const notes = `
Ctrl-C cancels: the container goes on where it was. A second Ctrl-C leaves the migration to itself.

Examples:
  portkey migrate web --to vm-b
  portkey migrate web --to vm-a --mode criu --json`;

export function migrateCommand(cli: Cli): Command {
  const command = new Command('migrate')
    .description('migrates a running container to another VM and waits for the end')
    .argument('<name>', 'the container', containerName)
    .requiredOption('--to <vm>', 'the VM it goes to');
  return addHowOptions(command, '0')
    .addHelpText('after', notes)
    .action(async (name: string, options: MigrateOptions) => {
      using controller = await cli.connect();
      const { report, problem } = await migrate(cli, controller, workloadPlaceOf(cli.places), {
        ...howRequest(options),
        container: name,
        to: options.to,
      });
      cli.output.result(report, () => resultTable(report));
      if (problem === undefined) return;
      cli.output.failure(new PortkeyError('restore-failed', problem));
      cli.exitCode = exitCodeOf(report) || 1;
    });
}
