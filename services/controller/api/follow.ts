/**
 * A migration as the client that asked for it follows it: to the end of the last try, whichever controller works on it.
 *
 * Where that is this one its events come as they happen, also while Redis is away; else they are read from Redis a few
 * times a second. A migration may change over from the one to the other, when it is taken over. What is the same event can
 * be told from its time, kind and text, which are the same in both places, so nothing is told twice.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import type { Journal } from '../events/journal.js';
import { retry } from '../retry.js';
import {
  isFinal,
  streamStart,
  type EventPage,
  type MigrationEvent,
  type MigrationState,
} from '../state/index.js';
import type { WatchParts } from './watch.js';

export interface FollowParts extends WatchParts {
  readonly journalOf: (id: string) => Journal | undefined;
}

/** The next try is recorded as soon as somebody has the job of the one before, which may have to be taken over. */
const nextTryPatienceMs = 60_000;

/** Ends with the event that has the last try's report. Throws `state-store-unavailable`. */
export async function* follow(
  parts: FollowParts,
  id: string,
  signal: AbortSignal,
): AsyncGenerator<MigrationEvent> {
  for (let current = id; current !== '' && !signal.aborted;) {
    let next = '';
    for await (const event of followOne(parts, current, signal)) {
      yield event;
      if (event.report !== '') next = retriedBy(event.report);
    }
    if (next !== '') await untilRecorded(parts, next, signal);
    current = next;
  }
}

async function* followOne(
  parts: FollowParts,
  id: string,
  signal: AbortSignal,
): AsyncGenerator<MigrationEvent> {
  const { clock, limits, journalOf } = parts;
  const told = new Set<string>();
  const isNews = ({ at, kind, text }: MigrationEvent): boolean => {
    const mark = `${at} ${kind} ${text}`;
    return !told.has(mark) && told.add(mark) === told;
  };
  let cursor = streamStart;
  let heard: Journal | undefined;
  const isUnheard = (journal: Journal | undefined): journal is Journal =>
    journal !== undefined && journal !== heard;
  while (!signal.aborted) {
    const stored = await readStored(parts, id, cursor).catch((error: unknown) => {
      // This controller has begun with it meanwhile, and tells what Redis cannot.
      if (isUnheard(journalOf(id))) return undefined;
      throw error;
    });
    for (const event of stored?.events ?? []) {
      if (isNews(event)) yield event;
      // A note that was on its way may have come after it.
      if (event.report !== '') return;
    }
    cursor = stored?.cursor ?? cursor;
    const journal = journalOf(id);
    if (isUnheard(journal)) {
      heard = journal;
      for await (const event of journal.follow(signal)) {
        if (isNews(event)) yield event;
        if (event.report !== '') return;
      }
      continue;
    }
    if (stored === undefined || stored.events.length > 0) continue;
    if (isFinal(stored.state)) return;
    await clock.sleep(limits.watchMs, signal).catch(() => undefined);
  }
}

/** The record is read first: events that come between the two reads are then seen the next time round. */
async function readStored(
  { migrations, store }: FollowParts,
  id: string,
  cursor: string,
): Promise<EventPage & { readonly state: MigrationState }> {
  const { state } = await migrations.getRecord(id);
  return { ...(await store.readEvents(id, cursor)), state };
}

function retriedBy(report: string): string {
  const { retriedBy: next } = JSON.parse(report) as { retriedBy?: string | null };
  return next ?? '';
}

/** Throws `migration-unknown`. */
async function untilRecorded(
  { migrations, clock, limits }: FollowParts,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    await retry({ clock, limits, until: signal, patienceMs: nextTryPatienceMs }, () =>
      migrations.getRecord(id),
    );
  } catch (thrown) {
    if (signal.aborted) return;
    if (!(thrown instanceof PortkeyError) || thrown.code !== 'migration-unknown') throw thrown;
    throw new PortkeyError(
      'migration-unknown',
      `the next try, ${id}, has not been recorded; see: portkey migrations`,
    );
  }
}
