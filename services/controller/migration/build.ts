/**
 * A migration in this process, from its record: one that begins, or one that another controller, or an earlier run of this
 * one, has left.
 */
import { Stopwatch } from '../accounting/stopwatch.js';
import { Journal } from '../events/journal.js';
import { LiveReport } from '../report/live-report.js';
import { RecoveredReport } from '../report/recovered-report.js';
import type { MigrationRecord } from '../state/index.js';
import { Migration, type LiveMigration, type Tools } from './migration.js';
import { wishIn, type Wish } from './wish.js';

/** Begins now, with the epoch of `record`. */
export function liveMigration(tools: Tools, record: MigrationRecord, wish: Wish): LiveMigration {
  const { id, container, epoch, retryOf } = record;
  const { clock, log, store } = tools;
  const stopwatch = new Stopwatch(clock);
  const report = unstartedReport(tools, wish, stopwatch, retryOf);
  const subject = { id, container, epoch };
  const journal = new Journal(subject, 'pending', store, clock, log);
  return new Migration(subject, tools, journal, stopwatch, report, wish.mode, wish);
}

/** The report of a migration that has not begun, and may be unable to. */
export function unstartedReport(
  { clock }: Tools,
  { id, container, to, mode }: Wish,
  stopwatch = new Stopwatch(clock),
  retryOf = '',
): LiveReport {
  const startedAt = clock.wallTime().toISOString();
  const subject = {
    id,
    container,
    to,
    requestedMode: mode,
    startedAt,
    retryOf: retryOf === '' ? null : retryOf,
  };
  return new LiveReport(subject, stopwatch);
}

export function recoveredMigration(tools: Tools, record: MigrationRecord): Migration<RecoveredReport> {
  const { id, container, epoch, state, mode } = record;
  const { clock, log, store } = tools;
  const subject = { id, container, epoch };
  const journal = new Journal(subject, state, store, clock, log);
  const report = new RecoveredReport(record, clock);
  return new Migration(subject, tools, journal, new Stopwatch(clock), report, mode, wishIn(record));
}
