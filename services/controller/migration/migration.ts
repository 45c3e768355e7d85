/**
 * One migration in progress: what all its phases share. The phases' own findings go from one to the next as
 * values (see run.ts), not through here.
 */
import type { Logger } from 'pino';

import type { PortkeyError } from '../../../libraries/errors/index.js';
import type { Clock } from '../../../libraries/process/index.js';
import type { CallOptions } from '../../../libraries/rpc/index.js';
import type { BothGuests } from '../accounting/guest-cpu.js';
import type { Stopwatch } from '../accounting/stopwatch.js';
import type { Journal } from '../events/journal.js';
import type { CriuModeRule } from '../config.js';
import type { Limits } from '../limits.js';
import type { Metrics } from '../metrics.js';
import type { FixedCost } from '../precopy/fixed-cost.js';
import type { LiveReport } from '../report/live-report.js';
import type { MigrationReport, Outcome } from '../report/report.js';
import type { MigrationMode, MigrationState, MigrationStore, Reason } from '../state/index.js';
import type { Vm } from '../vms/vm.js';
import type { Vms } from '../vms/vms.js';
import type { Wish } from './wish.js';

export type { Wish } from './wish.js';

/** What the controller has one of. */
export interface Tools {
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: Limits;
  readonly criuMode: CriuModeRule;
  readonly store: MigrationStore;
  readonly vms: Vms;
  readonly metrics: Metrics;
  readonly fixedCost: FixedCost;
  /** An id for a new migration. */
  readonly newId: () => string;
  /** Fires when the controller stops for good: whoever waits without a limit ends then. */
  readonly lifetime: AbortSignal;
}

export interface Sides {
  readonly source: Vm;
  readonly destination: Vm;
}

/** What the phases after the decision need of a report, live or recovered. */
export interface Report {
  readonly warnings: string[];
  /** Wall time of the freeze, until the destination's copy runs; null before. */
  readonly frozenAt: string | null;
  draft(): MigrationReport | undefined;
  /** The destination's first task ran. Returns the downtime, where it is known. */
  markRunning(atSeconds: number): number | undefined;
  /** What the agents say at the end. */
  addGuests(cpu: BothGuests): void;
  final(outcome: Outcome, error: Reason | null): Promise<MigrationReport>;
}

export interface Subject {
  readonly id: string;
  readonly container: string;
  readonly epoch: number;
}

export class Migration<R extends Report = Report> {
  /** Known once the container has been found. */
  sides: Sides | undefined;
  /** Which sides have been asked to reserve anything, so that there may be something to undo. */
  readonly touched = { source: false, destination: false };
  /** In which boots of their VMs the two copies are; empty until that was asked. */
  readonly boots = { source: '', destination: '' };
  /** Which starts of the relays were looked at; empty where there is none. */
  readonly relayStarts = { source: '', destination: '' };
  /** That the copy which counts is gone, because its VM was started anew, as found by the chores at the end. */
  loss: PortkeyError | undefined;
  /** That the source was told to go on, and did: until then a container that was frozen may stand still. */
  thawed = false;
  /** Resolves when nobody in this process works on it any more, though it has ended: on what it owes, say. */
  rest: Promise<void> = Promise.resolve();
  /** Fires when nothing more may be done about it here: the controller stops, or another one has taken over. */
  readonly until: AbortSignal;
  private readonly canceller = new AbortController();
  private readonly loser = new AbortController();
  private cancelReason: PortkeyError | undefined;

  constructor(
    readonly subject: Subject,
    readonly tools: Tools,
    readonly journal: Journal,
    readonly stopwatch: Stopwatch,
    readonly report: R,
    /** The mode that was asked for, until preflight has found that it must be another. */
    public mode: MigrationMode,
    /** Undefined where nobody knows any more. */
    readonly wish: Wish | undefined,
  ) {
    this.until = AbortSignal.any([tools.lifetime, this.loser.signal]);
  }

  /** The agents' name for it. */
  get ref(): { migrationId: string; epoch: number; container: string } {
    const { id, epoch, container } = this.subject;
    return { migrationId: id, epoch, container };
  }

  session(vm: Vm): { migrationId: string; vm: string } {
    return { migrationId: this.subject.id, vm: vm.name };
  }

  /** Cuts the step in progress short. What becomes of the migration is for the state machine to say. */
  cancel(reason: PortkeyError): void {
    this.cancelReason ??= reason;
    this.canceller.abort();
  }

  /** Another controller has it: cuts everything short. What is still to be told, that one tells. */
  lose(): void {
    this.loser.abort();
    this.canceller.abort();
    this.journal.close();
  }

  get isLost(): boolean {
    return this.loser.signal.aborted;
  }

  get cancelledBecause(): PortkeyError | undefined {
    return this.cancelReason;
  }

  /** For calls before the commit: a cancelled migration cuts them. */
  callOptions(deadlineMs: number): CallOptions {
    return { deadlineMs, signal: this.canceller.signal };
  }

  /** Moves on to `state`. The record also gets what the report knows so far. */
  async advance(
    state: MigrationState,
    text: string,
    data?: unknown,
    set: {
      from?: string;
      mode?: MigrationMode;
      sourceBoot?: string;
      destinationBoot?: string;
      activatedAt?: string;
    } = {},
  ): Promise<void> {
    const draft = this.report.draft();
    await this.journal.step(state, text, {
      ...(data === undefined ? {} : { data: JSON.stringify(data) }),
      set: { ...set, ...(draft === undefined ? {} : { report: JSON.stringify(draft) }) },
    });
  }

  warn(text: string, data?: unknown): void {
    this.report.warnings.push(text);
    this.journal.note('warning', text, data);
  }
}

export type LiveMigration = Migration<LiveReport>;
