/** `stop NAME`: stops and removes a container, and ends the client of a built-in workload. */
import { Command } from 'commander';

import { stopWorkload } from '../../testbed/workload/index.js';
import type { Cli } from '../cli.js';
import { containerName } from '../options.js';
import { workloadPlaceOf } from '../workload-place.js';

export function stopCommand(cli: Cli): Command {
  return new Command('stop')
    .description('stops and removes a container')
    .argument('<name>', 'the container', containerName)
    .addHelpText('after', '\nExample:\n  portkey stop web')
    .action(async (name: string) => {
      using controller = await cli.connect();
      await controller.stop(name);
      await stopWorkload(workloadPlaceOf(cli.places), name, cli.clock);
      cli.output.result({ name, stopped: true }, () => `${name} stopped`);
    });
}
