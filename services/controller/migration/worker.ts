/**
 * What a job of the queue is for: to bring one migration to rest, wherever it stands.
 *
 *     nobody has begun with it ──▶ waits for a place on each of its hosts ──▶ runs (run.ts), or is refused where there are none
 *     somebody had it, and it has not ended, or owes something ──▶ is taken over, and recovered (recover.ts)
 *     it has ended, and is to be tried again ──▶ the next try is recorded and queued
 *     nothing of this ──▶ the job is done
 *
 * The record is looked at anew after each of them, because several may follow one another, and because more than one
 * controller may have believed the job its own. A job may be worked on any number of times.
 */
import { asPortkeyError, type PortkeyError } from '../../../libraries/errors/index.js';
import type { MigrationJob, MigrationQueue, Verdict } from '../queue/migration-queue.js';
import { retry } from '../retry.js';
import { isFinal, isSettled, unclaimedEpoch, type HostSlots, type MigrationRecord } from '../state/index.js';
import { liveMigration, recoveredMigration } from './build.js';
import { HostFinder, hostsOf, type HostsToBe } from './hosts.js';
import type { Tools } from './migration.js';
import { recoverMigration, recoverOwed } from './recover.js';
import { refuse } from './refuse.js';
import { nextWish, retryPauseMs, tryText } from './retries.js';
import { runMigration } from './run.js';
import type { RunningMigrations } from './running.js';
import { wishIn } from './wish.js';

/** How one begins that nobody has begun with, or what it has to wait for first, as a line for people. */
type Start = Exclude<HostsToBe, { unknownBecause: PortkeyError }> | { readonly waitsFor: string };

/** Of one that is recovered. */
const noPlaces: Start = { hosts: [] };

export class MigrationWorker {
  private readonly hostFinder: HostFinder;

  constructor(
    private readonly tools: Tools,
    private readonly slots: HostSlots,
    private readonly queue: MigrationQueue,
    private readonly running: RunningMigrations,
  ) {
    this.hostFinder = new HostFinder(tools.vms);
  }

  async work(job: MigrationJob): Promise<Verdict> {
    const { id } = job;
    const { lifetime, limits, store } = this.tools;
    try {
      for (let launched = false; ; launched = true) {
        // Also where this process has lost the job while Redis was away, and gets it again.
        await this.running.untilAtRest(id);
        if (lifetime.aborted) return 'give-back';
        const record = await this.patiently(() => store.get(id));
        if (record === undefined) return 'at-rest';
        if (isSettled(record)) {
          await this.tryAgain(record);
          return 'at-rest';
        }
        if (launched) return { afterMs: limits.brokenPauseMs, waitsFor: job.waitsFor };
        const start = isNew(record, job) ? await this.takePlaces(record, job) : noPlaces;
        if ('waitsFor' in start) return { afterMs: limits.slotPollMs, waitsFor: start.waitsFor };
        await this.launch(job, record, start);
      }
    } catch (thrown) {
      if (lifetime.aborted) return 'give-back';
      this.tools.log.error(
        { id, err: thrown },
        `migration ${id} is put off: ${asPortkeyError(thrown).message}`,
      );
      return { afterMs: limits.brokenPauseMs, waitsFor: job.waitsFor };
    }
  }

  /** What it has to wait for is also told as an event. */
  private async takePlaces({ id, container, to }: MigrationRecord, job: MigrationJob): Promise<Start> {
    const { store } = this.tools;
    const found = await this.hostFinder.hostsToBe(container, to);
    if ('refusedBy' in found) return found;
    let text: string;
    if ('unknownBecause' in found) text = `waits: ${found.unknownBecause.message}`;
    else {
      const { hosts } = found;
      const full = await this.patiently(() => this.slots.take(id, hosts));
      if (full === undefined) return { hosts };
      text =
        `waits: ${full.host} takes part in ${this.slots.most} at a time, ` +
        `which are ${full.holders.join(' and ')} now`;
    }
    if (text !== job.waitsFor) {
      await this.patiently(() => store.note({ id, epoch: unclaimedEpoch }, { kind: 'progress', text }));
    }
    return { waitsFor: text };
  }

  /** `seen`: as it was when this was decided; it is let go where somebody has been quicker, or has the job now. */
  private async launch(
    job: MigrationJob,
    seen: MigrationRecord,
    start: Exclude<Start, { waitsFor: string }>,
  ): Promise<void> {
    const { log, store, vms } = this.tools;
    const record = await this.patiently(() =>
      store.takeOver(seen, job.lock, 'another controller takes over'),
    );
    if (record === undefined) {
      log.info({ id: job.id }, `migration ${job.id} is let go: it has ended, or is another controller's now`);
      return;
    }
    const wish = wishIn(record);
    // Somebody may have cancelled it meanwhile.
    if (wish !== undefined && isNew({ ...record, epoch: seen.epoch }, job)) {
      const migration = liveMigration(this.tools, record, wish);
      if ('refusedBy' in start) this.running.launch(migration, [], () => refuse(migration, start.refusedBy));
      else this.running.launch(migration, start.hosts, () => runMigration(migration, wish));
      return;
    }
    const migration = recoveredMigration(this.tools, record);
    if (isFinal(record.state)) this.running.launch(migration, [], () => recoverOwed(migration, record));
    else this.running.launch(migration, hostsOf(vms, record), () => recoverMigration(migration, record));
  }

  private async tryAgain(record: MigrationRecord): Promise<void> {
    const { id, container, to, mode, retriedBy, text: how } = record;
    const wish = wishIn(record);
    if (retriedBy === '' || wish === undefined) return;
    const next = nextWish(wish, retriedBy);
    const text = `migration of container '${container}' to ${to} is tried again (${tryText(next)}) after ${id}: ${how}`;
    const { limits, log, store } = this.tools;
    const busy = await this.patiently(() =>
      store.create({ id: retriedBy, container, to, mode, wish: JSON.stringify(next), retryOf: id }, text),
    );
    if (busy !== undefined)
      log.error({ id }, `not tried again: container '${container}' is held by ${busy.busyWith}`);
    else
      await this.patiently(() => this.queue.add(retriedBy, 'run', retryPauseMs(wish, limits.retryPauseMs)));
  }

  /** For as long as the controller lives. */
  private patiently<T>(work: () => Promise<T>): Promise<T> {
    const { clock, limits, lifetime } = this.tools;
    return retry({ clock, limits, until: lifetime, patienceMs: Infinity }, work);
  }
}

/** One that no controller has begun with; but one that was found abandoned is not begun with any more. */
function isNew({ state, epoch, wish }: MigrationRecord, { kind }: MigrationJob): boolean {
  return kind === 'run' && state === 'pending' && epoch === unclaimedEpoch && wish !== '';
}
