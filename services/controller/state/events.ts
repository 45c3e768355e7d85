/**
 * Events of a migration, as stored in its Redis stream and sent to clients.
 */
import type { MigrationState } from './states.js';

export type EventKind = 'transition' | 'progress' | 'decision' | 'warning';

export interface MigrationEvent {
  readonly id: string;
  readonly state: MigrationState;
  readonly kind: EventKind;
  /** One line for people. */
  readonly text: string;
  /** ISO 8601. */
  readonly at: string;
  /** JSON, or empty. */
  readonly data: string;
  /** JSON of docs/report.md on the last event, else empty. */
  readonly report: string;
}

/** What is new in a stream: the events, and where to go on reading. */
export interface EventPage {
  readonly events: readonly MigrationEvent[];
  readonly cursor: string;
}

export const streamStart = '-';

/** One entry of XRANGE ([id, [name, value, …]]) as an event. */
export function eventOfEntry(id: string, fields: readonly string[]): MigrationEvent {
  const value = (name: string): string => {
    const index = fields.findIndex((field, at) => at % 2 === 0 && field === name);
    return index < 0 ? '' : (fields[index + 1] ?? '');
  };
  return {
    id,
    state: value('state') as MigrationState,
    kind: value('kind') as EventKind,
    text: value('text'),
    at: value('at'),
    data: value('data'),
    report: value('report'),
  };
}
