/**
 * The story of one migration: every event goes to Redis and to the followers in this process, in this order.
 *
 * A step of the state machine is announced only after Redis has applied it. Notes (progress, decisions, warnings)
 * are announced at once and stored without waiting, so that a slow Redis cannot slow a round down; if Redis is gone
 * they are lost there, and the next step will say so. Both have the same time of an event, so that whoever reads in both
 * places can tell that it is one (api/follow.ts).
 */
import type { Logger } from 'pino';

import { asPortkeyError, isErrorCode, PortkeyError } from '../../../libraries/errors/index.js';
import type { Clock } from '../../../libraries/process/index.js';
import { AbortedFirst } from '../migration/aborted-first.js';
import { LeftToRecovery } from '../migration/left-to-recovery.js';
import {
  reasonOf,
  type EventKind,
  type MigrationEvent,
  type MigrationState,
  type MigrationStore,
  type Step,
} from '../state/index.js';
import { Feed } from './feed.js';

export interface JournalOf {
  readonly id: string;
  readonly container: string;
  readonly epoch: number;
}

export type StepExtras = Pick<Step, 'data' | 'report' | 'set'>;

export class Journal {
  private readonly feed = new Feed<MigrationEvent>();

  constructor(
    private readonly of: JournalOf,
    private current: MigrationState,
    private readonly store: MigrationStore,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  /** The state that this process last saw. */
  get state(): MigrationState {
    return this.current;
  }

  /**
   * Moves the migration to `to`. Throws `state-store-unavailable` (it may or may not have moved),
   * `transition-refused`, `migration-unknown` (Redis has lost the record), AbortedFirst, or LeftToRecovery where
   * another controller has taken over.
   */
  async step(to: MigrationState, text: string, extras: StepExtras = {}): Promise<void> {
    const at = this.now();
    const result = await this.store.step({ ...this.of, to, text, at, ...extras });
    switch (result.verdict) {
      case 'applied':
      case 'already':
        this.announce(to, text, extras, at);
        return;
      case 'refused':
        throw await this.refusal(to, result.state);
      case 'stale-epoch':
        throw new LeftToRecovery(
          `another controller has taken over migration ${this.of.id} (epoch ${result.epoch})`,
        );
      case 'unknown':
        throw new PortkeyError(
          'migration-unknown',
          `Redis has lost migration ${this.of.id}; was it emptied or restarted without its data?`,
        );
    }
  }

  /** Tells the followers of a step that Redis could not be told of. */
  announce(to: MigrationState, text: string, extras: StepExtras = {}, at = this.now()): void {
    this.current = to;
    this.publish('transition', text, at, extras.data ?? '', extras.report ?? '');
  }

  note(kind: EventKind, text: string, data?: unknown): void {
    const json = data === undefined ? '' : JSON.stringify(data);
    const at = this.now();
    this.publish(kind, text, at, json, '');
    this.store.note(this.of, { kind, text, at, data: json }).catch((error: unknown) => {
      this.log.warn({ id: this.of.id, kind, text }, `event not stored: ${asPortkeyError(error).message}`);
    });
  }

  /** No more events; followers end when they have seen all. */
  close(): void {
    this.feed.end();
  }

  follow(signal?: AbortSignal): AsyncGenerator<MigrationEvent> {
    return this.feed.follow(signal);
  }

  private publish(kind: EventKind, text: string, at: string, data: string, report: string): void {
    const { id } = this.of;
    this.feed.push({ id, state: this.current, kind, text, at, data, report });
    this.log[kind === 'progress' ? 'debug' : kind === 'warning' ? 'warn' : 'info'](
      { id, container: this.of.container, state: this.current, kind },
      text,
    );
  }

  private now(): string {
    return this.clock.wallTime().toISOString();
  }

  private async refusal(to: MigrationState, state: string): Promise<Error> {
    if (state !== 'aborted') {
      return new PortkeyError(
        'transition-refused',
        `migration ${this.of.id} is ${state}; it cannot become ${to}`,
      );
    }
    const record = await this.store.get(this.of.id);
    const reason = record === undefined ? undefined : reasonOf(record);
    const code = reason !== undefined && isErrorCode(reason.code) ? reason.code : 'cancelled';
    return new AbortedFirst(new PortkeyError(code, reason?.message ?? `migration ${this.of.id} was aborted`));
  }
}
