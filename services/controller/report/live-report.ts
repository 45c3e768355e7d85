/**
 * Collects, while a migration runs, what its report will say.
 */
import type { Description, DumpResult, LandingSealed, RoundResult } from '../../../libraries/rpc/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import type { BothSides, CpuLedger } from '../accounting/cpu-ledger.js';
import type { BothGuests } from '../accounting/guest-cpu.js';
import type { Stopwatch } from '../accounting/stopwatch.js';
import type { MigrationMode, Reason } from '../state/index.js';
import { parseFeedback } from './feedback.js';
import type { FinalDumpReport, MigrationReport, Outcome, PageDigestReport, RoundReport } from './report.js';

/** What a report is about, known from the start. */
export interface ReportSubject {
  readonly id: string;
  readonly container: string;
  readonly to: string;
  readonly requestedMode: MigrationMode;
  readonly startedAt: string;
  readonly retryOf: string | null;
}

const noCpu = { source: null, destination: null };

export class LiveReport {
  from = '';
  mode: MigrationMode;
  cpu: CpuLedger | undefined;
  readonly warnings: string[] = [];
  readonly rounds: RoundReport[] = [];
  private description: Description | undefined;
  private finalDump: Omit<FinalDumpReport, 'imageBytes'> | null = null;
  private landed: { pages: number; bytes: number } | null = null;
  private zeroPages: number | null = null;
  private pageDigest: PageDigestReport | null = null;
  private imageBytes = 0;
  private frozen: { readonly atSeconds: number; readonly wallTime: string } | undefined;
  private downtimeSeconds: number | null = null;
  private guestCpuSeconds: BothGuests = noCpu;

  constructor(
    private readonly subject: ReportSubject,
    private readonly stopwatch: Stopwatch,
  ) {
    this.mode = subject.requestedMode;
  }

  describe(description: Description): void {
    this.description = description;
  }

  addRound(index: number, result: RoundResult, last: boolean): RoundReport {
    const { pages, bytes, seconds, dirtyPagesAfter, hypercalls } = result;
    const { pagesMoved, scanSeconds, pausedSeconds, taskCount, cpu } = result;
    const round: RoundReport = {
      ...{ index, pages, bytes, seconds, dirtyPagesAfter, hypercalls },
      ...{ pagesMoved, scanSeconds, pausedSeconds, taskCount, last },
      feedback: parseFeedback(result.feedback),
      frozenDirty: result.frozenDirty,
      agentCpuSeconds: cpu === null ? null : { scan: cpu.scanSeconds, hypercalls: cpu.hypercallSeconds },
    };
    this.rounds.push(round);
    return round;
  }

  /** In CRIU mode the final dump is the last round; its pages count as that. */
  addFinalDump(dump: DumpResult, isLastRound: boolean): void {
    const { criuPages, parentPages, imageBytes, seconds } = dump;
    this.finalDump = { criuPages, parentPages, seconds };
    this.imageBytes = imageBytes;
    if (!isLastRound) return;
    const bytes = criuPages * PAGE_BYTES;
    this.rounds.push({
      ...{ index: this.rounds.length, pages: criuPages, bytes, seconds, dirtyPagesAfter: 0, hypercalls: 0 },
      ...{
        pagesMoved: 0,
        scanSeconds: 0,
        pausedSeconds: seconds,
        taskCount: this.description?.taskCount ?? 0,
      },
      ...{ last: true, feedback: null, frozenDirty: null },
      // It is CRIU's alone.
      agentCpuSeconds: { scan: 0, hypercalls: 0 },
    });
  }

  addLanding(sealed: LandingSealed, imageBytes: number): void {
    this.landed = { pages: sealed.pages, bytes: sealed.bytes };
    this.zeroPages = sealed.zeroPages;
    this.imageBytes = imageBytes;
  }

  addPageDigest(figures: PageDigestReport): void {
    this.pageDigest = figures;
  }

  /** Just before Freeze is sent. */
  markFreeze(wallTime: Date): void {
    this.frozen = { atSeconds: this.stopwatch.elapsedSeconds(), wallTime: wallTime.toISOString() };
  }

  /** The destination's first task ran, so long after the migration began. */
  markRunning(atSeconds: number): number {
    this.downtimeSeconds = atSeconds - (this.frozen?.atSeconds ?? atSeconds);
    return this.downtimeSeconds;
  }

  get frozenAt(): string | null {
    return this.downtimeSeconds === null ? (this.frozen?.wallTime ?? null) : null;
  }

  addGuests(cpu: BothGuests): void {
    this.guestCpuSeconds = cpu;
  }

  /** What is known so far, for a controller that has to finish this migration. */
  draft(): MigrationReport {
    return this.build(null, null, noCpu);
  }

  async final(outcome: Outcome, error: Reason | null): Promise<MigrationReport> {
    const totalSeconds = this.stopwatch.elapsedSeconds();
    const account = await this.cpu?.result();
    for (const { side, phase, into } of account?.merged ?? []) {
      const vm = side === 'source' ? this.from : this.subject.to;
      this.warnings.push(
        `a CPU reading of ${vm} was lost: what phase ${phase} used is counted in ${into}` +
          (into === 'restore' ? ', so its transfer is too low' : ''),
      );
    }
    const report = this.build(outcome, error, account?.cpuSeconds ?? noCpu);
    return outcome === 'completed' ? report : { ...report, totalSeconds };
  }

  private build(outcome: Outcome | null, error: Reason | null, cpuSeconds: BothSides): MigrationReport {
    const { id, container, to, requestedMode, startedAt, retryOf } = this.subject;
    const sum = (of: (round: RoundReport) => number): number =>
      this.rounds.reduce((total, r) => total + of(r), 0);
    const lastStep = this.stopwatch.steps.at(-1);
    return {
      ...{ id, mode: this.mode, requestedMode, container, from: this.from, to, outcome, error },
      warnings: [...this.warnings],
      ...{ retryOf, retriedBy: null },
      ...{ workload: null, verified: null, clientPauseSeconds: null, connectionKept: null },
      startedAt,
      recovered: false,
      totalSeconds: lastStep === undefined ? 0 : lastStep.startSeconds + lastStep.seconds,
      downtimeSeconds: this.downtimeSeconds,
      frozenAt: this.frozen?.wallTime ?? null,
      memoryBytes: this.description?.memoryBytes ?? null,
      taskCount: this.description?.taskCount ?? null,
      threadCount: this.description?.threadCount ?? null,
      rounds: [...this.rounds],
      finalDump: this.finalDump === null ? null : { ...this.finalDump, imageBytes: this.imageBytes },
      landed: this.landed,
      pageDigest: this.pageDigest,
      pagesSent: sum((round) => round.pages),
      zeroPages: this.zeroPages,
      bytesSent: sum((round) => round.bytes) + this.imageBytes,
      hypercalls: sum((round) => round.hypercalls),
      phases: this.stopwatch.phases(),
      steps: [...this.stopwatch.steps],
      cpuSeconds,
      guestCpuSeconds: this.guestCpuSeconds,
    };
  }
}
