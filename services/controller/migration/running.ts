/**
 * The migrations that this process works on.
 *
 *     launch ──▶ unfinished ──▶ ended, and at work on what is owed or on telling Redis ──▶ at rest
 *
 * A migration goes on by itself once it has been launched; that a client goes away changes nothing. It has its places on
 * hosts until it has ended, and somebody looks after it (attend.ts) until it is at rest.
 */
import { asPortkeyError, PortkeyError } from '../../../libraries/errors/index.js';
import type { Journal } from '../events/journal.js';
import type { UnfinishedMigration } from '../metrics.js';
import type { HostSlots } from '../state/index.js';
import { attend, keepPlaces } from './attend.js';
import { LeftToRecovery } from './left-to-recovery.js';
import type { Migration, Tools } from './migration.js';

interface Running {
  readonly migration: Migration;
  readonly ended: Promise<void>;
  readonly atRest: Promise<void>;
}

export class RunningMigrations {
  private readonly all = new Map<string, Running>();
  private unfinishedCount = 0;

  constructor(
    private readonly tools: Tools,
    private readonly slots: HostSlots,
  ) {
    tools.metrics.setUnfinished(() => this.notAtRest());
  }

  /** `work` ends it; its places on `hosts` are taken already, or taken now. */
  launch(migration: Migration, hosts: readonly string[], work: () => Promise<void>): void {
    const { id } = migration.subject;
    const [worked, rested] = [new AbortController(), new AbortController()];
    const places = keepPlaces(migration, this.slots, hosts, worked.signal);
    const attention = attend(migration, rested.signal);
    this.count(1);
    const ended = this.workOff(migration, work).finally(() => {
      worked.abort();
      this.count(-1);
    });
    const atRest = ended
      .then(() => Promise.all([migration.rest, places]))
      .catch((error: unknown) => this.tools.log.error({ id, err: error }, 'not at rest'))
      .then(async () => {
        rested.abort();
        await attention;
        this.all.delete(id);
      });
    this.all.set(id, { migration, ended, atRest });
  }

  /** Resolves when this process does nothing about that migration; false where it did nothing anyway. */
  async untilAtRest(id: string): Promise<boolean> {
    const running = this.all.get(id);
    await running?.atRest;
    return running !== undefined;
  }

  /** What is told of a migration that runs here. */
  journalOf(id: string): Journal | undefined {
    return this.all.get(id)?.migration.journal;
  }

  cancel(id: string, reason: PortkeyError): void {
    this.all.get(id)?.migration.cancel(reason);
  }

  /** Rolls back what can be, within `graceMs`; the rest is for another controller or the next start. */
  async stop(graceMs: number): Promise<void> {
    const reason = new PortkeyError(
      'service-unavailable',
      'the controller was stopped; try again when it is back',
    );
    const all = [...this.all.values()];
    for (const { migration } of all) migration.cancel(reason);
    await Promise.race([Promise.all(all.map(({ ended }) => ended)), this.tools.clock.sleep(graceMs)]);
  }

  private async workOff(migration: Migration, work: () => Promise<void>): Promise<void> {
    const { id } = migration.subject;
    const { log, store } = this.tools;
    try {
      await work();
    } catch (thrown) {
      if (thrown instanceof LeftToRecovery) log.warn({ id }, thrown.message);
      else log.error({ id, err: thrown }, `migration ${id} broke off: ${asPortkeyError(thrown).message}`);
      migration.journal.close();
    }
    await store
      .prune()
      .catch((error: unknown) => log.warn({ id }, `history not pruned: ${asPortkeyError(error).message}`));
  }

  /** One that has ended is among them while it owes something: that may be to thaw the container. */
  private notAtRest(): UnfinishedMigration[] {
    return [...this.all.values()].map(({ migration }) => ({
      state: migration.journal.state,
      frozenSeconds: this.frozenSeconds(migration),
    }));
  }

  private frozenSeconds({ report: { frozenAt }, thawed }: Migration): number {
    if (frozenAt === null || thawed) return 0;
    return Math.max(0, (this.tools.clock.wallTime().getTime() - Date.parse(frozenAt)) / 1000);
  }

  private count(change: 1 | -1): void {
    this.unfinishedCount += change;
    this.tools.metrics.setRunning(this.unfinishedCount);
  }
}
