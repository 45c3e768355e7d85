/**
 * One migration as JSON: the types of docs/report.md.
 *
 * What only the client outside can know (workload, verified, clientPauseSeconds, connectionKept) is null here; the
 * command line fills it in.
 */
import type { FrozenDirty } from '../../../libraries/rpc/index.js';
import type { BothSides } from '../accounting/cpu-ledger.js';
import type { BothGuests } from '../accounting/guest-cpu.js';
import type { TimedPhase, TimedStep } from '../accounting/stopwatch.js';
import type { MigrationMode, Reason } from '../state/index.js';

export const outcomes = ['completed', 'rolled-back', 'refused', 'failed'] as const;
export type Outcome = (typeof outcomes)[number];

export interface RoundReport {
  readonly index: number;
  readonly pages: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly dirtyPagesAfter: number;
  readonly hypercalls: number;
  readonly pagesMoved: number;
  readonly scanSeconds: number;
  readonly pausedSeconds: number;
  readonly taskCount: number;
  /** True for the round that the container spends frozen. */
  readonly last: boolean;
  /** What the hypercall loop learned; null in CRIU mode. */
  readonly feedback: unknown;
  /** What became of the pages that were dirty when the container froze; null but for the last round in Portkey mode. */
  readonly frozenDirty: FrozenDirty | null;
  /** What the agent used of the source VM's CPU; null where it does not part it. */
  readonly agentCpuSeconds: { readonly scan: number; readonly hypercalls: number } | null;
}

export interface FinalDumpReport {
  readonly criuPages: number;
  readonly parentPages: number;
  readonly imageBytes: number;
  readonly seconds: number;
}

/** What the comparison of digests found and took (docs/verify.md). */
export interface PageDigestReport {
  readonly format: number;
  readonly alike: boolean;
  readonly pages: number;
  readonly bytes: number;
  /** Of shared memory that the source could not look at: these were not compared. */
  readonly sharedPages: number;
  /** Of downtime. */
  readonly seconds: number;
  readonly source: DigestCost;
  readonly destination: DigestCost;
}

interface DigestCost {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

export interface MigrationReport {
  readonly id: string;
  readonly mode: MigrationMode;
  readonly requestedMode: MigrationMode;
  readonly container: string;
  readonly from: string;
  readonly to: string;
  readonly outcome: Outcome | null;
  readonly error: Reason | null;
  readonly warnings: readonly string[];
  /** The migration that this one tries again, and the one that tries this one again; null for none. */
  readonly retryOf: string | null;
  readonly retriedBy: string | null;
  readonly workload: null;
  readonly verified: null;
  readonly clientPauseSeconds: null;
  readonly connectionKept: null;
  readonly startedAt: string;
  readonly recovered: boolean;
  readonly totalSeconds: number;
  readonly downtimeSeconds: number | null;
  /** When the source was frozen (ISO 8601); null before. */
  readonly frozenAt: string | null;
  readonly memoryBytes: number | null;
  readonly taskCount: number | null;
  readonly threadCount: number | null;
  readonly rounds: readonly RoundReport[];
  readonly finalDump: FinalDumpReport | null;
  readonly landed: { readonly pages: number; readonly bytes: number } | null;
  /** Null where none was asked for, or it did not come to that. */
  readonly pageDigest: PageDigestReport | null;
  readonly pagesSent: number;
  /** Those of pagesSent that were named and not sent; null where no relay has counted them to the end. */
  readonly zeroPages: number | null;
  readonly bytesSent: number;
  readonly hypercalls: number;
  /** Always all three, in order. */
  readonly phases: readonly TimedPhase[];
  readonly steps: readonly TimedStep[];
  readonly cpuSeconds: BothSides;
  /** Inside of cpuSeconds' `vm`: the agents and their programs. */
  readonly guestCpuSeconds: BothGuests;
}
