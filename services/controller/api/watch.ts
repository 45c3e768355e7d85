/**
 * Past and live events of a migration, from its stream in Redis.
 *
 * Redis has them whoever runs the migration, so this works for one of another controller, too. The stream is read
 * a few times a second until the migration has ended and everything has been read.
 */
import type { Clock } from '../../../libraries/process/index.js';
import type { Limits } from '../limits.js';
import type { Migrations } from '../migration/migrations.js';
import {
  isFinal,
  streamStart,
  type MigrationEvent,
  type MigrationRecord,
  type MigrationStore,
} from '../state/index.js';

export interface WatchParts {
  readonly store: MigrationStore;
  readonly migrations: Migrations;
  readonly clock: Clock;
  readonly limits: Limits;
}

/** Ends after the migration's last event, or when `signal` fires. Throws `migration-unknown`. */
export async function* watch(
  parts: WatchParts,
  id: string,
  signal: AbortSignal,
): AsyncGenerator<MigrationEvent> {
  let cursor = streamStart;
  while (!signal.aborted) {
    // The record is read first: events that come between the two reads are then seen the next time round.
    const { state } = await parts.migrations.getRecord(id);
    const page = await parts.store.readEvents(id, cursor);
    yield* page.events;
    cursor = page.cursor;
    if (page.events.length > 0) continue;
    if (isFinal(state)) return;
    await parts.clock.sleep(parts.limits.watchMs, signal).catch(() => undefined);
  }
}

/** A record as its last event; an unfinished one has what it is about as `data`, an ended one its report. */
export function summary(record: MigrationRecord): MigrationEvent {
  const { id, state, text, container, from, to, mode, startedAt, updatedAt } = record;
  return {
    ...{ id, state, text, kind: 'transition', at: updatedAt || startedAt },
    data: JSON.stringify({ container, from, to, mode, startedAt }),
    report: isFinal(state) ? record.report : '',
  };
}
