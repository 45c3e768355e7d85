/**
 * The migrations of this controller: starts, cancels and recovers them, and lets others follow them.
 *
 * A migration runs by itself once it has begun; that a client goes away changes nothing. While it runs here it is
 * in `running`; all others are known from Redis only.
 *
 * Limits: one controller per Redis should run at a time. Two do no harm to a container (epochs, one decision), but
 * the one that starts later takes over, that is aborts, what the other has in progress.
 */
import { asPortkeyError, PortkeyError } from '../../../libraries/errors/index.js';
import { Stopwatch } from '../accounting/stopwatch.js';
import { Journal } from '../events/journal.js';
import { LiveReport } from '../report/live-report.js';
import { RecoveredReport } from '../report/recovered-report.js';
import { retry } from '../retry.js';
import { isFinal, isSettled, type MigrationEvent, type MigrationRecord } from '../state/index.js';
import { LeftToRecovery } from './left-to-recovery.js';
import { Migration, type Tools, type Wish } from './migration.js';
import { recoverMigration, recoverOwed } from './recover.js';
import { runMigration } from './run.js';

const firstEpoch = 1;

interface Running {
  readonly migration: Migration;
  readonly ended: Promise<void>;
}

export class Migrations {
  private readonly running = new Map<string, Running>();
  /** Being recorded right now, so neither in `running` yet nor left behind by anybody. */
  private readonly starting = new Set<string>();

  constructor(private readonly tools: Tools) {}

  /**
   * Records the migration and sets it going. Returns who has the container where it is not free. Throws
   * `state-store-unavailable`: should Redis have recorded it all the same, it will be refused there, too.
   */
  async start(wish: Wish): Promise<Migration<LiveReport> | { busyWith: string }> {
    const { id, container, to, mode } = wish;
    const text = `migration of container '${container}' to ${to} asked for`;
    this.starting.add(id);
    try {
      const busy = await this.tools.store.create({ id, container, to, mode }, text);
      if (busy !== undefined) return busy;
      const migration = this.live(wish);
      this.launch(migration, () => runMigration(migration, wish));
      return migration;
    } catch (error) {
      this.forgetUnstarted(wish);
      throw error;
    } finally {
      this.starting.delete(id);
    }
  }

  /** The report of a migration that could not even begin. */
  unstarted(wish: Wish): LiveReport {
    return this.live(wish).report;
  }

  /**
   * Aborts a migration wherever it runs. Throws `migration-unknown`, and `too-late` once it is committed or has
   * ended.
   */
  async cancel(id: string): Promise<void> {
    const { store } = this.tools;
    const reason = new PortkeyError('cancelled', `migration ${id} was cancelled`);
    const record = await this.getRecord(id);
    if (isFinal(record.state) || record.state === 'committed') throw tooLate(record);
    this.running.get(id)?.migration.cancel(reason);
    const result = await store.step({
      ...{ id, container: record.container, epoch: record.epoch },
      to: 'aborted',
      text: 'cancelled',
      set: { reason: JSON.stringify({ code: reason.code, message: reason.message }) },
    });
    if (result.verdict === 'refused') throw tooLate(await this.getRecord(id));
    if (result.verdict === 'stale-epoch') {
      throw new PortkeyError(
        'stale-epoch',
        `another controller has just taken over migration ${id}; try again`,
      );
    }
  }

  /** Throws `migration-unknown`. */
  async getRecord(id: string): Promise<MigrationRecord> {
    const record = await this.tools.store.get(id);
    if (record !== undefined) return record;
    throw new PortkeyError('migration-unknown', `no migration '${id}'; see: portkey migrations`);
  }

  /** Takes over what another run left unfinished or owing. Waits for Redis for as long as the controller lives. */
  async recover(): Promise<void> {
    const { clock, limits, lifetime, log, store } = this.tools;
    const patience = { clock, limits, until: lifetime, patienceMs: Infinity };
    const records = await retry(
      {
        ...patience,
        onFailure: (error, attempt) => {
          if (attempt === 1)
            log.warn({ code: error.code }, `cannot look for unfinished migrations: ${error.message}`);
        },
      },
      () => store.list(),
    );
    for (const known of records) {
      const { id } = known;
      if (isSettled(known) || this.running.has(id) || this.starting.has(id)) continue;
      const record = await retry(patience, () =>
        store.takeOver(id, 'another run of the controller takes over'),
      );
      if (record !== undefined) this.resume(record);
    }
  }

  /** Rolls back what can be, within `graceMs`; the rest is for the next start. */
  async stop(graceMs: number): Promise<void> {
    const reason = new PortkeyError(
      'service-unavailable',
      'the controller was stopped; try again when it is back',
    );
    const all = [...this.running.values()];
    for (const { migration } of all) migration.cancel(reason);
    await Promise.race([Promise.all(all.map(({ ended }) => ended)), this.tools.clock.sleep(graceMs)]);
  }

  /** What a migration that runs here has told so far and will tell; undefined where none does. */
  follow(id: string, signal?: AbortSignal): AsyncGenerator<MigrationEvent> | undefined {
    return this.running.get(id)?.migration.journal.follow(signal);
  }

  private live(wish: Wish): Migration<LiveReport> {
    const { id, container, to } = wish;
    const { clock, log, store } = this.tools;
    const stopwatch = new Stopwatch(clock);
    const startedAt = clock.wallTime().toISOString();
    const report = new LiveReport({ id, container, to, requestedMode: wish.mode, startedAt }, stopwatch);
    const subject = { id, container, epoch: firstEpoch };
    const journal = new Journal(subject, 'pending', store, clock, log);
    return new Migration(subject, this.tools, journal, stopwatch, report, wish.mode);
  }

  private resume(record: MigrationRecord): void {
    const { clock, log, store } = this.tools;
    const subject = { id: record.id, container: record.container, epoch: record.epoch };
    const journal = new Journal(subject, record.state, store, clock, log);
    const report = new RecoveredReport(record, clock);
    const migration = new Migration(subject, this.tools, journal, new Stopwatch(clock), report, record.mode);
    if (!isFinal(record.state)) this.launch(migration, () => recoverMigration(migration, record));
    else void this.settle(migration, record);
  }

  /** Not one of those `running`: there is nothing to follow or cancel, and a stop need not wait for it. */
  private async settle(migration: Migration, record: MigrationRecord): Promise<void> {
    try {
      await recoverOwed(migration, record);
    } catch (thrown) {
      const { id, owed } = record;
      this.tools.log.warn({ id }, `left behind: ${owed}: ${asPortkeyError(thrown).message}`);
    }
  }

  private launch(migration: Migration, work: () => Promise<void>): void {
    const { id } = migration.subject;
    const { log, metrics, store } = this.tools;
    const ended = work()
      .catch((thrown: unknown) => {
        if (thrown instanceof LeftToRecovery) log.warn({ id }, thrown.message);
        else log.error({ id, err: thrown }, `migration ${id} broke off: ${asPortkeyError(thrown).message}`);
        migration.journal.close();
      })
      .then(() => store.prune())
      .catch((error: unknown) => log.warn({ id }, `history not pruned: ${asPortkeyError(error).message}`))
      .finally(() => {
        this.running.delete(id);
        metrics.setRunning(this.running.size);
      });
    this.running.set(id, { migration, ended });
    metrics.setRunning(this.running.size);
  }

  /** Redis did not answer the creation, but may have done it, or do it later: then nobody would ever end it. */
  private forgetUnstarted({ id, container }: Wish): void {
    const { clock, limits, lifetime, store, log } = this.tools;
    retry({ clock, limits, until: lifetime, patienceMs: Infinity }, () =>
      store.step({
        id,
        container,
        epoch: firstEpoch,
        to: 'refused',
        text: 'refused: Redis did not answer in time',
      }),
    ).catch((error: unknown) => log.warn({ id }, `left to the next start: ${asPortkeyError(error).message}`));
  }
}

function tooLate({ id, state }: MigrationRecord): PortkeyError {
  const how = state === 'committed' ? 'committed, and can only be finished' : `${state} already`;
  return new PortkeyError('too-late', `migration ${id} is ${how}`);
}
