/**
 * `migrations [ID]`: the history that Redis keeps.
 *
 * A migration that has ended tells all by its report. One that runs, or that ended without a report, tells in its
 * event's data what it is about; where an older controller left that out, those columns stay empty.
 */
import { Command } from 'commander';
import { z } from 'zod';

import type { MigrationEvent } from '../../libraries/rpc/index.js';
import { formatSeconds } from '../../libraries/units/index.js';
import type { Cli } from '../cli.js';
import { resultTable } from '../migrate/result-table.js';
import { parseReport, type MigrationReport } from '../report/migration-report.js';
import { formatTable } from '../table.js';

const known = z.string().min(1).optional().catch(undefined);

const subjectSchema = z
  .object({ container: known, from: known, to: known, mode: known, startedAt: known })
  .catch({});

/** What a migration is about; `from` is not known before its container has been found. */
type Subject = z.infer<typeof subjectSchema>;

/** The whole report, or the subject alone, with where the migration stands. */
export type HistoryEntry = Subject &
  Partial<Pick<MigrationReport, 'outcome' | 'totalSeconds' | 'downtimeSeconds'>> &
  Pick<MigrationEvent, 'id' | 'state' | 'at' | 'text'>;

export function migrationsCommand(cli: Cli): Command {
  return new Command('migrations')
    .description('lists past and running migrations, or shows one')
    .argument('[id]', 'the migration')
    .addHelpText('after', '\nExample:\n  portkey migrations --json')
    .action(async (id: string | undefined) => {
      using controller = await cli.connect();
      if (id === undefined) {
        const entries = (await controller.migrations()).map(historyEntry);
        cli.output.result(entries, () => historyTable(entries));
        return;
      }
      const event = await controller.migration(id);
      const entry = historyEntry(event);
      cli.output.result(entry, () =>
        event.report === '' ? historyLine(entry) : resultTable(parseReport(event.report)),
      );
    });
}

export function historyEntry({ id, state, at, text, data, report }: MigrationEvent): HistoryEntry {
  return { ...(report === '' ? subjectOf(data) : parseReport(report)), id, state, at, text };
}

function subjectOf(data: string): Subject {
  try {
    return subjectSchema.parse(JSON.parse(data));
  } catch {
    return {};
  }
}

/** One that has no report. */
export function historyLine(entry: HistoryEntry): string {
  const { id, container, mode, state, text } = entry;
  const subject = container === undefined ? [] : [container, way(entry), `${mode ?? '?'} mode`];
  return `${id}: ${[...subject, state, text].join(', ')}`;
}

function way({ from, to }: HistoryEntry): string {
  return from === undefined && to === undefined ? '–' : `${from ?? '?'} → ${to ?? '?'}`;
}

export function historyTable(entries: readonly HistoryEntry[]): string {
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
      way(entry),
      entry.mode ?? '–',
      entry.state,
      entry.totalSeconds === undefined ? '–' : formatSeconds(entry.totalSeconds),
      entry.downtimeSeconds === undefined || entry.downtimeSeconds === null
        ? '–'
        : formatSeconds(entry.downtimeSeconds),
    ]),
  );
}
