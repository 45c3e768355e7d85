/**
 * The migrations of all controllers, as clients see them: accepted, cancelled, looked up.
 *
 * They are in Redis, and in the queue until they are at rest; which controller works on one, and whether any does yet,
 * makes no difference here.
 */
import { asPortkeyError, PortkeyError } from '../../../libraries/errors/index.js';
import type { MigrationQueue } from '../queue/migration-queue.js';
import { retry } from '../retry.js';
import {
  isFinal,
  isSettled,
  mayFollow,
  unclaimedEpoch,
  type MigrationRecord,
  type MigrationState,
} from '../state/index.js';
import type { Tools, Wish } from './migration.js';
import type { RunningMigrations } from './running.js';

/** A cancel that comes just when a controller takes the migration is tried again; more than that is somebody's mistake. */
const mostCancelTries = 5;

export interface Standing {
  /** `lost`: neither Redis nor this controller knows it. */
  readonly state: MigrationState | 'lost';
  /** A controller is at it, or its next start will be. */
  readonly willBeEnded: boolean;
}

export class Migrations {
  constructor(
    private readonly tools: Tools,
    private readonly queue: MigrationQueue,
    private readonly running: RunningMigrations,
  ) {}

  /**
   * Records the migration and puts it into the queue. Returns who has the container where it is not free. Throws
   * `state-store-unavailable`: should Redis have recorded it all the same, it will be refused there, too.
   */
  async accept(wish: Wish): Promise<{ busyWith: string } | undefined> {
    const { id, container, to, mode } = wish;
    const text = `migration of container '${container}' to ${to} asked for`;
    const record = { id, container, to, mode, wish: JSON.stringify(wish), retryOf: '' };
    try {
      const busy = await this.tools.store.create(record, text);
      if (busy !== undefined) return busy;
    } catch (error) {
      this.forgetUnstarted(wish);
      throw error;
    }
    await this.enqueue(id);
    return undefined;
  }

  /**
   * Aborts a migration wherever it runs, or waits. Throws `migration-unknown`, and `too-late` once it is committed or
   * has ended.
   */
  async cancel(id: string): Promise<void> {
    const { log, store } = this.tools;
    const reason = new PortkeyError('cancelled', `migration ${id} was cancelled`);
    for (let tries = 0; tries < mostCancelTries; tries++) {
      const record = await this.getRecord(id);
      if (record.state !== 'aborted' && !mayFollow(record.state, 'aborted')) throw tooLate(record);
      this.running.cancel(id, reason);
      const result = await store.step({
        ...{ id, container: record.container, epoch: record.epoch },
        to: 'aborted',
        text: 'cancelled',
        set: { reason: JSON.stringify({ code: reason.code, message: reason.message }) },
      });
      if (result.verdict === 'stale-epoch') continue;
      if (result.verdict === 'refused') throw tooLate(await this.getRecord(id));
      await this.queue.hurry(id).catch((error: unknown) => log.debug({ id }, asPortkeyError(error).message));
      return;
    }
    throw new PortkeyError(
      'stale-epoch',
      `one controller after the other takes over migration ${id}; try again, and see the controllers' logs`,
    );
  }

  /** Throws `migration-unknown`. */
  async getRecord(id: string): Promise<MigrationRecord> {
    const record = await this.tools.store.get(id);
    if (record !== undefined) return record;
    throw new PortkeyError('migration-unknown', `no migration '${id}'; see: portkey migrations`);
  }

  /** How it stands with a migration that an agent says has a container. Throws `state-store-unavailable`. */
  async standingOf(id: string): Promise<Standing> {
    const here = this.running.journalOf(id);
    if (here !== undefined) return { state: here.state, willBeEnded: true };
    const record = await this.tools.store.get(id);
    if (record === undefined) return { state: 'lost', willBeEnded: false };
    return { state: record.state, willBeEnded: !isSettled(record) };
  }

  /** It is recorded, so it will be done: if not at once, then when Redis answers again. */
  private async enqueue(id: string): Promise<void> {
    const { clock, limits, lifetime, log } = this.tools;
    try {
      await this.queue.add(id, 'run');
    } catch (thrown) {
      log.warn({ id }, `not in the queue yet: ${asPortkeyError(thrown).message}`);
      retry({ clock, limits, until: lifetime, patienceMs: Infinity }, () => this.queue.add(id, 'run')).catch(
        (error: unknown) => log.warn({ id }, `left to be found: ${asPortkeyError(error).message}`),
      );
    }
  }

  /** Redis did not answer the creation, but may have done it, or do it later: then somebody would find and begin it. */
  private forgetUnstarted({ id, container }: Wish): void {
    const { clock, limits, lifetime, store, log } = this.tools;
    const text = 'refused: Redis did not answer in time';
    retry({ clock, limits, until: lifetime, patienceMs: Infinity }, () =>
      store.step({ id, container, epoch: unclaimedEpoch, to: 'refused', text }),
    ).catch((error: unknown) => log.warn({ id }, `left to be found: ${asPortkeyError(error).message}`));
  }
}

function tooLate({ id, state, retriedBy }: MigrationRecord): PortkeyError {
  const fate = state === 'reverted' ? 'is rolled back without this' : 'can only be finished';
  const how = isFinal(state) ? `${state} already` : `${state}, and ${fate}`;
  const next = retriedBy === '' ? '' : `; it is tried again as ${retriedBy}`;
  return new PortkeyError('too-late', `migration ${id} is ${how}${next}`);
}
