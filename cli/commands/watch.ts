/** `watch ID`: a migration's events, past and live, until it ends. */
import { Command } from 'commander';

import type { MigrationEvent } from '../../libraries/rpc/index.js';
import type { Cli } from '../cli.js';
import { eventLine } from '../migrate/view.js';

export function watchCommand(cli: Cli): Command {
  return new Command('watch')
    .description('shows the events of a migration until it ends; with --json all of them in one array then')
    .argument('<id>', "the migration; see 'portkey migrations'")
    .action(async (id: string) => {
      using controller = await cli.connect();
      const events: object[] = [];
      for await (const event of controller.watch(id)) {
        if (cli.output.flags.json) events.push(plainEvent(event));
        else cli.output.line(eventLine(event));
      }
      cli.output.result(events, () => '');
    });
}

/** With the embedded JSON as JSON. */
function plainEvent({ data, report, ...event }: MigrationEvent): object {
  return { ...event, data: fromJson(data), report: fromJson(report) };
}

const fromJson = (text: string): unknown => (text === '' ? null : (JSON.parse(text) as unknown));
