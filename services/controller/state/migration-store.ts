/**
 * Migrations in Redis: every read and every change of their state.
 *
 * Goal: a migration's state is decided in one place that survives the controller. Each change is one Lua script
 * (the `.lua` files here); this class gives them their keys and arguments and turns their verdicts into types.
 *
 * Epochs. The record has an epoch, 0 at first. A controller that begins with a migration, or takes over one that is
 * unfinished or has ended owing something, raises it; a script that comes with another epoch than the record's changes nothing. So
 * of all that ever drove a migration, only the last one can move it. Raising it is a compare-and-set, too, and only who has the
 * migration's job in the queue may: one that was held up, and has lost the job meanwhile, takes nothing from who has it now.
 *
 * Limits: one Redis, not a cluster (the keys of one script are in different slots). The last `keep` migrations that have ended
 * are kept; older ones go when a new one has ended, but never one that is unfinished, still owes something, or is to be tried
 * again by one that is not recorded yet.
 */
import type { Clock } from '../../../libraries/process/index.js';
import { PortkeyError } from '../../../libraries/errors/index.js';
import { eventOfEntry, streamStart, type EventKind, type EventPage } from './events.js';
import { eventsSuffix, keys } from './keys.js';
import { parseRecord, type MigrationMode, type MigrationRecord, type Reason } from './record.js';
import type { StateStoreConnection } from './redis.js';
import { Scripts } from './scripts.js';
import {
  finalStates,
  initialState,
  isFinal,
  settledFailure,
  statesBefore,
  type MigrationState,
} from './states.js';

/** Events of one migration that its stream keeps, about. */
const keptEvents = 5_000;
const pageSize = 500;
/** Of a migration that no controller has begun with. */
export const unclaimedEpoch = 0;

export interface NewMigration {
  readonly id: string;
  readonly container: string;
  readonly to: string;
  readonly mode: MigrationMode;
  /** JSON. */
  readonly wish: string;
  /** The migration that it tries again; empty for none. */
  readonly retryOf: string;
}

export interface Step {
  readonly id: string;
  readonly container: string;
  readonly epoch: number;
  readonly to: MigrationState;
  readonly text: string;
  /** ISO 8601; now, where it is left out. */
  readonly at?: string;
  readonly data?: string;
  /** The final report, for the last event. */
  readonly report?: string;
  /** Fields of the record to set with it. */
  readonly set?: Partial<
    Pick<
      MigrationRecord,
      | 'from'
      | 'mode'
      | 'sourceBoot'
      | 'destinationBoot'
      | 'activatedAt'
      | 'reason'
      | 'report'
      | 'owed'
      | 'retriedBy'
    >
  >;
}

/** The lock of a migration's job in the queue. */
export interface JobLock {
  readonly key: string;
  /** Its value for as long as the job is the caller's; another one each time that the job is taken. */
  readonly token: string;
}

/** An event that changes no state. */
export interface Note {
  readonly kind: EventKind;
  readonly text: string;
  /** JSON. */
  readonly data?: string;
  readonly at?: string;
}

export type StepResult =
  | { readonly verdict: 'applied' | 'already' | 'unknown' }
  | { readonly verdict: 'refused'; readonly state: string }
  | { readonly verdict: 'stale-epoch'; readonly epoch: number };

export class MigrationStore {
  private readonly scripts: Scripts;

  constructor(
    private readonly connection: StateStoreConnection,
    private readonly clock: Clock,
    private readonly keep: number,
  ) {
    this.scripts = new Scripts(connection.redis);
  }

  /** Records a migration and locks its container. Returns who holds the lock if it is not free. */
  async create(migration: NewMigration, text: string): Promise<{ busyWith: string } | undefined> {
    const { id, container, to, mode, wish, retryOf } = migration;
    const now = this.clock.wallTime();
    const { verdict, detail } = await this.connection.guard(() =>
      this.scripts.run(
        'create',
        [keys.migration(id), keys.events(id), keys.index, keys.lock(container)],
        [
          ...[id, initialState, unclaimedEpoch, now.getTime(), now.toISOString(), text],
          ...['container', container, 'to', to, 'mode', mode, 'text', text],
          ...['wish', wish, 'retryOf', retryOf],
        ],
      ),
    );
    return verdict === 'busy' ? { busyWith: detail } : undefined;
  }

  async step(step: Step): Promise<StepResult> {
    const fields = Object.entries({ text: step.text, ...step.set }).flat();
    const { verdict, detail } = await this.connection.guard(() =>
      this.scripts.run(
        'transition',
        [keys.migration(step.id), keys.events(step.id), keys.lock(step.container)],
        [
          ...[step.id, step.epoch, step.to, statesBefore(step.to).join(','), isFinal(step.to) ? '1' : '0'],
          ...[
            step.set?.retriedBy ?? '',
            step.at ?? this.now(),
            step.text,
            step.data ?? '',
            step.report ?? '',
            ...fields,
          ],
        ],
      ),
    );
    switch (verdict) {
      case 'applied':
      case 'already':
      case 'unknown':
        return { verdict };
      case 'refused':
        return { verdict, state: detail };
      case 'stale-epoch':
        return { verdict, epoch: Number(detail) };
      default:
        throw new PortkeyError('internal', `transition.lua answered '${verdict}'`);
    }
  }

  /** Appends an event that changes no state. */
  async note(
    { id, epoch }: { readonly id: string; readonly epoch: number },
    { kind, text, data = '', at = this.now() }: Note,
  ): Promise<void> {
    await this.connection.guard(() =>
      this.scripts.run(
        'note',
        [keys.migration(id), keys.events(id)],
        [epoch, kind, text, data, at, keptEvents],
      ),
    );
  }

  /**
   * Raises the epoch of a migration that is not settled, and tells so with `text` if somebody had it. Undefined where it is
   * settled, or not there, or another controller's: its epoch is not the one that was read any more, or its job has been
   * lost. May be repeated where no answer came.
   */
  async takeOver(
    { id, epoch }: { readonly id: string; readonly epoch: number },
    { key, token }: JobLock,
    text: string,
  ): Promise<MigrationRecord | undefined> {
    const { verdict, detail } = await this.connection.guard(() =>
      this.scripts.run(
        'take-over',
        [keys.migration(id), keys.events(id), key],
        [finalStates.join(','), this.now(), text, epoch, token],
      ),
    );
    if (verdict !== 'applied') return undefined;
    const record = await this.get(id);
    // Another controller may have taken over meanwhile: the record's epoch is that one's then, and not to be used.
    return record === undefined ? undefined : { ...record, epoch: Number(detail) };
  }

  /**
   * Notes that a migration owes nothing any more, which makes a failure a rollback unless the container is lost (`loss`). Does nothing
   * where another controller has taken it over.
   */
  async settle(id: string, epoch: number, loss?: Reason): Promise<void> {
    const { from } = settledFailure;
    const to = loss === undefined ? settledFailure.to : from;
    const reason = loss === undefined ? '' : JSON.stringify({ code: loss.code, message: loss.message });
    const report = amended((await this.get(id))?.report ?? '', to, reason);
    await this.connection.guard(() =>
      this.scripts.run('settle', [keys.migration(id)], [epoch, from, to, report, reason]),
    );
  }

  async get(id: string): Promise<MigrationRecord | undefined> {
    return parseRecord(await this.connection.guard((redis) => redis.hgetall(keys.migration(id))));
  }

  /** Ids of those that are not settled and have no job: no key `jobPrefix` + id. */
  async orphans(jobPrefix: string): Promise<string[]> {
    const { detail } = await this.connection.guard(() =>
      this.scripts.run('orphans', [keys.index], [finalStates.join(','), keys.migration(''), jobPrefix]),
    );
    return detail === '' ? [] : detail.split(',');
  }

  /** All that are kept, the latest first. */
  async list(): Promise<MigrationRecord[]> {
    const ids = await this.connection.guard((redis) => redis.zrevrange(keys.index, 0, -1));
    const records = await Promise.all(ids.map((id) => this.get(id)));
    return records.filter((record) => record !== undefined);
  }

  /** Events after `cursor` (`streamStart`: all), some hundreds at a time. */
  async readEvents(id: string, cursor = streamStart): Promise<EventPage> {
    const entries = await this.connection.guard((redis) =>
      redis.xrange(keys.events(id), cursor === streamStart ? '-' : `(${cursor}`, '+', 'COUNT', pageSize),
    );
    return {
      events: entries.map(([, fields]) => eventOfEntry(id, fields)),
      cursor: entries.at(-1)?.[0] ?? cursor,
    };
  }

  /** Removes the oldest ended migrations beyond those that are kept. */
  async prune(): Promise<void> {
    await this.connection.guard(() =>
      this.scripts.run(
        'prune',
        [keys.index],
        [this.keep, finalStates.join(','), keys.migration(''), eventsSuffix, keys.lock('')],
      ),
    );
  }

  private now(): string {
    return this.clock.wallTime().toISOString();
  }
}

/** Reports are JSON objects, or empty. `error`: JSON of another one, or ''. */
function amended(report: string, outcome: string, error: string): string {
  if (report === '') return '';
  const changes = error === '' ? { outcome } : { outcome, error: JSON.parse(error) as unknown };
  return JSON.stringify({ ...(JSON.parse(report) as object), ...changes });
}
