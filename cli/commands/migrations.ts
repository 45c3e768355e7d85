/** `migrations [ID]`: the history that Redis keeps. */
import { Command } from 'commander';

import type { MigrationEvent } from '../../libraries/rpc/index.js';
import { formatSeconds } from '../../libraries/units/index.js';
import type { Cli } from '../cli.js';
import { resultTable } from '../migrate/result-table.js';
import { parseReport, type MigrationReport } from '../report/migration-report.js';
import { formatTable } from '../table.js';

/** A report with where the migration stands; without a report where it was refused before it had one. */
type HistoryEntry = Partial<MigrationReport> & Pick<MigrationEvent, 'id' | 'state' | 'at' | 'text'>;

export function migrationsCommand(cli: Cli): Command {
  return new Command('migrations')
    .description('lists past and running migrations, or shows one')
    .argument('[id]', 'the migration')
    .addHelpText('after', '\nExample:\n  portkey migrations --json')
    .action(async (id: string | undefined) => {
      using controller = await cli.connect();
      if (id === undefined) {
        const entries = (await controller.migrations()).map(historyEntry);
        cli.output.result(entries, () => table(entries));
        return;
      }
      const event = await controller.migration(id);
      cli.output.result(historyEntry(event), () =>
        event.report === ''
          ? `${event.id}: ${event.state}, ${event.text}`
          : resultTable(parseReport(event.report)),
      );
    });
}

function historyEntry({ id, state, at, text, report }: MigrationEvent): HistoryEntry {
  return { ...(report === '' ? {} : parseReport(report)), id, state, at, text };
}

function table(entries: readonly HistoryEntry[]): string {
  if (entries.length === 0) return 'no migrations yet';
  return formatTable(
    [
      { title: 'id' },
      { title: 'at' },
      { title: 'container' },
      { title: 'way' },
      { title: 'mode' },
      { title: 'state' },
      { title: 'total', align: 'right' },
      { title: 'downtime', align: 'right' },
    ],
    entries.map((entry) => [
      entry.id,
      entry.at.slice(0, 19).replace('T', ' '),
      entry.container ?? '–',
      entry.from === undefined ? '–' : `${entry.from} → ${entry.to ?? '?'}`,
      entry.mode ?? '–',
      entry.state,
      entry.totalSeconds === undefined ? '–' : formatSeconds(entry.totalSeconds),
      entry.downtimeSeconds === undefined || entry.downtimeSeconds === null
        ? '–'
        : formatSeconds(entry.downtimeSeconds),
    ]),
  );
}
