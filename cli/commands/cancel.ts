/** `cancel ID`: asks for a rollback. */
import { Command } from 'commander';

import type { Cli } from '../cli.js';

export function cancelCommand(cli: Cli): Command {
  return new Command('cancel')
    .description('aborts a migration; the container goes on where it was')
    .argument('<id>', "the migration; see 'portkey migrations'")
    .action(async (id: string) => {
      using controller = await cli.connect();
      await controller.cancel(id);
      cli.output.result({ id, cancelled: true }, () => `${id}: rolling back; see 'portkey watch ${id}'`);
    });
}
