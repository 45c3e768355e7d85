/**
 * The queue of migrations: one BullMQ job for each that is not at rest, worked off by all controllers of one Redis.
 *
 * Theory of operation. A job says no more than which migration it is about; what there is to do, the migration's record
 * says (migration/worker.ts). Whoever works on a job has its lock, and renews it. One that dies, hangs or is cut off from
 * Redis loses it, and the job goes to another within `jobLockMs` + `stalledMs`: so one
 * works on it at a time, but for a controller that has lost it without noticing. That such a one does no harm is for the
 * record's epoch to see to, not for the queue. Where it gets the job again itself, it lets go of it first.
 *
 *     add ──▶ waiting ──▶ worked on ──▶ gone (the migration is at rest)
 *                ▲           │  │
 *                │◀──────────┘  └──▶ delayed (it has to wait for something) ──▶ waiting
 *           given back, or its controller was not heard of
 *
 * A job that is added while there is one of the same migration does nothing. One that fails, which only a mistake in this
 * program can bring about, is gone too, and sweep.ts finds its migration.
 *
 * Keys: `portkey:queue:` and an id for a job (with `:lock` while it is worked on), and for the queue as a whole `meta`,
 * `id`, `marker`, `wait`, `active`, `delayed`, `stalled`, `stalled-check` and `events`, which keeps about a hundred lines.
 */
import { DelayedError, Queue, WaitingError, Worker, type Job } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';

import type { Clock } from '../../../libraries/process/index.js';
import { asPortkeyError } from '../../../libraries/errors/index.js';
import type { Limits } from '../limits.js';
import type { JobLock, StateStoreConnection } from '../state/index.js';
import { Turns } from './turns.js';

/** `run`: begin with it, if nobody has. `abandoned`: its controller did not live to put it into the queue. */
export type JobKind = 'run' | 'abandoned';

export interface MigrationJob {
  readonly id: string;
  readonly kind: JobKind;
  /** What it waited for the last time, as a line for people. */
  readonly waitsFor: string;
  readonly lock: JobLock;
}

export type Verdict =
  /** Nothing is left to be done. */
  | 'at-rest'
  /** For another controller, or this one's next run, at once. */
  | 'give-back'
  /** Later. */
  | { readonly afterMs: number; readonly waitsFor: string };

export type Work = (job: MigrationJob) => Promise<Verdict>;

interface JobData {
  readonly waitsFor: string;
}

type StoredJob = Job<JobData, unknown, JobKind>;

const queueName = 'queue';
const prefix = 'portkey';
const keptEvents = 100;
/** The hosts' places are what limits work; this is only more than there ever is. */
const mostJobs = 1_000;
const stopGraceMs = 400;
const runAgainMs = 1_000;

export class MigrationQueue {
  /** What the key of a job begins with; its id follows. */
  static readonly jobPrefix = `${prefix}:${queueName}:`;

  private readonly queue: Queue<JobData, unknown, JobKind>;
  private readonly redis: Redis;
  private worker: Worker<JobData, unknown, JobKind> | undefined;
  private readonly active = new Set<Promise<void>>();
  private readonly turns = new Turns();
  private stopping = false;

  constructor(
    private readonly connection: StateStoreConnection,
    private readonly clock: Clock,
    private readonly limits: Limits,
    private readonly log: Logger,
  ) {
    this.redis = connection.patient();
    this.queue = new Queue(queueName, {
      connection: connection.redis,
      prefix,
      streams: { events: { maxLen: keptEvents } },
      defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
    });
    this.queue.on('error', (error) => this.log.debug(`queue: ${error.message}`));
  }

  /** Throws `state-store-unavailable`; the job may be there all the same. */
  async add(id: string, kind: JobKind, delayMs = 0): Promise<void> {
    await this.connection.guard(() => this.queue.add(kind, { waitsFor: '' }, { jobId: id, delay: delayMs }));
  }

  /** Does not let it wait any longer, where it is delayed. */
  async hurry(id: string): Promise<void> {
    const job = await this.connection.guard(() => this.queue.getJob(id));
    // It may have been taken up meanwhile, which is as good.
    await job?.promote().catch(() => undefined);
  }

  /** Works jobs off until `stop`. Whatever `work` throws is a mistake in this program. */
  start(work: Work): void {
    const { jobLockMs, stalledMs } = this.limits;
    const worker = new Worker<JobData, unknown, JobKind>(
      queueName,
      (job, token) => this.track(this.process(job, token, work)),
      {
        ...{ connection: this.redis, prefix, concurrency: mostJobs, autorun: false },
        ...{ lockDuration: jobLockMs, skipLockRenewal: true, stalledInterval: stalledMs },
        ...{ maxStalledCount: Number.MAX_SAFE_INTEGER, runRetryDelay: runAgainMs },
        ...{ removeOnComplete: { count: 0 }, removeOnFail: { count: 0 } },
      },
    );
    // A Redis that is away is reported by those who need it; a lock that was lost, by the record's epoch.
    worker.on('error', (error) => this.log.debug(`queue: ${error.message}`));
    this.worker = worker;
    void this.keepRunning(worker);
  }

  /** Takes no more jobs; those that are worked on go on. */
  async pause(): Promise<void> {
    this.stopping = true;
    await this.worker?.pause(true);
    // It waits for the next job still, and would take one of those that are given back.
    this.worker
      ?.getBackend()
      .disconnectBlocking(false)
      .catch(() => undefined);
  }

  /**
   * Waits a moment for jobs to be given back, and lets go of Redis. BullMQ's own way of waiting would not end while Redis
   * is away; and a job whose end Redis does not hear of is only looked at once more.
   */
  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.race([Promise.all(this.active), this.clock.sleep(stopGraceMs)]);
    await this.worker?.close(true);
    this.redis.disconnect();
  }

  /** The worker's loop ends with an error where Redis answers one (out of memory, say); that is no reason to give up. */
  private async keepRunning(worker: Worker<JobData, unknown, JobKind>): Promise<void> {
    const goesOn = (): boolean => !this.stopping;
    while (goesOn()) {
      try {
        await worker.run();
      } catch (error) {
        this.log.warn(`the queue's worker broke off, and begins again: ${asPortkeyError(error).message}`);
      }
      if (goesOn()) await this.clock.sleep(runAgainMs);
    }
  }

  private track(processing: Promise<void>): Promise<void> {
    const settled = processing.catch(() => undefined).finally(() => this.active.delete(settled));
    this.active.add(settled);
    return processing;
  }

  private async process(job: StoredJob, token = '', work: Work): Promise<void> {
    const id = job.id ?? '';
    const lock = { key: `${MigrationQueue.jobPrefix}${id}:lock`, token };
    const known = { id, kind: job.name, waitsFor: job.data.waitsFor, lock };
    const over = new AbortController();
    void this.renewLock(job, token, over.signal);
    let verdict: Verdict;
    try {
      verdict = await this.turns.take(id, async () => (this.stopping ? 'give-back' : work(known)));
    } finally {
      over.abort();
    }
    if (verdict === 'at-rest') return;
    if (verdict === 'give-back') {
      await job.moveToWait(token);
      throw new WaitingError();
    }
    if (verdict.waitsFor !== job.data.waitsFor) await job.updateData({ waitsFor: verdict.waitsFor });
    await job.moveToDelayed(Date.now() + verdict.afterMs, token);
    throw new DelayedError();
  }

  /** BullMQ would end this for a job that was lost, and then got again, as soon as the work on the lost one ends. */
  private async renewLock(job: StoredJob, token: string, signal: AbortSignal): Promise<void> {
    const { jobLockMs } = this.limits;
    try {
      for (;;) {
        await this.clock.sleep(jobLockMs / 4, signal);
        // That it has been lost is for the record's epoch to see to.
        await job.extendLock(token, jobLockMs).catch(() => undefined);
      }
    } catch {
      // The work is over.
    }
  }
}
