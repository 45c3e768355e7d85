/**
 * The report of a migration that another controller began: what that one last wrote down, and how it ended.
 *
 * Phases and CPU of the part that nobody watched are not known and stay as they were. A downtime that is not written down is
 * taken from the wall clock, the only one that two processes share.
 */
import type { Clock } from '../../../libraries/process/index.js';
import type { BothGuests } from '../accounting/guest-cpu.js';
import { phasesOf } from '../accounting/stopwatch.js';
import type { MigrationRecord, Reason } from '../state/index.js';
import type { MigrationReport, Outcome } from './report.js';

export class RecoveredReport {
  private readonly base: MigrationReport | undefined;
  private readonly newWarnings: string[] = [];
  private ranAt: Date | undefined;
  private guestCpuSeconds: BothGuests = { source: null, destination: null };

  constructor(
    private readonly record: MigrationRecord,
    private readonly clock: Clock,
  ) {
    this.ranAt = record.activatedAt === '' ? undefined : new Date(record.activatedAt);
    this.base = record.report === '' ? undefined : (JSON.parse(record.report) as MigrationReport);
  }

  get warnings(): string[] {
    return this.newWarnings;
  }

  get frozenAt(): string | null {
    return this.ranAt === undefined ? (this.base?.frozenAt ?? null) : null;
  }

  /** The record has the draft already. */
  draft(): undefined {
    return undefined;
  }

  markRunning(): number | undefined {
    this.ranAt = this.clock.wallTime();
    return this.downtimeSeconds() ?? undefined;
  }

  addGuests(cpu: BothGuests): void {
    this.guestCpuSeconds = cpu;
  }

  final(outcome: Outcome, error: Reason | null): Promise<MigrationReport> {
    const startedMs = Date.parse(this.record.startedAt);
    const endedMs = (this.ranAt ?? this.clock.wallTime()).getTime();
    return Promise.resolve({
      ...(this.base ?? emptyReport(this.record)),
      outcome,
      error,
      recovered: true,
      warnings: [...(this.base?.warnings ?? []), ...this.newWarnings],
      totalSeconds: (endedMs - startedMs) / 1000,
      downtimeSeconds: this.downtimeSeconds(),
      guestCpuSeconds: this.guestCpuSeconds,
    });
  }

  private downtimeSeconds(): number | null {
    const { downtimeSeconds = null, frozenAt = null } = this.base ?? {};
    if (downtimeSeconds !== null) return downtimeSeconds;
    if (frozenAt === null || this.ranAt === undefined) return null;
    return (this.ranAt.getTime() - Date.parse(frozenAt)) / 1000;
  }
}

function emptyReport(record: MigrationRecord): MigrationReport {
  const { id, mode, container, from, to, startedAt } = record;
  return {
    ...{ id, mode, requestedMode: mode, container, from, to, outcome: null, error: null, warnings: [] },
    ...{ retryOf: record.retryOf === '' ? null : record.retryOf, retriedBy: null },
    ...{ workload: null, verified: null, clientPauseSeconds: null, connectionKept: null },
    ...{ startedAt, recovered: true, totalSeconds: 0, downtimeSeconds: null, frozenAt: null },
    ...{ memoryBytes: null, taskCount: null, threadCount: null, rounds: [], finalDump: null, landed: null },
    pageDigest: null,
    ...{ pagesSent: 0, zeroPages: null, bytesSent: 0, hypercalls: 0, phases: phasesOf([]), steps: [] },
    cpuSeconds: { source: null, destination: null },
    guestCpuSeconds: { source: null, destination: null },
  };
}
