/**
 * How long things may take: everything in the controller that waits takes its limit from here.
 */
export interface Limits {
  /** A question that an agent or relay answers from memory. */
  readonly questionMs: number;
  /** The same of a VM that has let such a question run out. */
  readonly silentMs: number;
  /** A question at the end whose answer the report can do without. */
  readonly optionalMs: number;
  /** A step that starts a few processes: prepare, freeze, begin, run, stop. */
  readonly stepMs: number;
  /** A transfer of `n` bytes may take `stepMs` and n / this; one that takes longer is stuck. */
  readonly slowestBytesPerSecond: number;
  /** One try to undo something, which may have to wait for a CRIU that is at work in the tasks; then the next, */
  readonly undoCallMs: number;
  /** until so long after the first. A service that died is back within it, also in an emulated VM. */
  readonly undoPatienceMs: number;
  /** Between tries: this, doubled each time, at most `retryMaxMs`. */
  readonly retryFirstMs: number;
  readonly retryMaxMs: number;
  /** Between two progress events of a round. */
  readonly progressMs: number;
  /** Between two looks at a stream that somebody watches. */
  readonly watchMs: number;
  /** A controller that has not been heard of for so long has lost its jobs; */
  readonly jobLockMs: number;
  /** so often it is looked for such jobs, */
  readonly stalledMs: number;
  /** and so often for migrations that have no job. */
  readonly sweepMs: number;
  /** Between two looks of one that runs at whether it was cancelled or taken over elsewhere. */
  readonly attentionMs: number;
  /** Between two looks of one whose pages travel at whether its relays answer. */
  readonly relayLookMs: number;
  /** How long a migration's place on a host is kept without being asked for again. */
  readonly slotLeaseMs: number;
  /** Between two looks of one that waits for a place on its hosts. */
  readonly slotPollMs: number;
  /** Before a migration is tried again: this, doubled each time. */
  readonly retryPauseMs: number;
  /**
   * Before one that broke off is taken up again: by a mistake in this program or in the configuration, or because Redis took a
   * step that it did not answer in time.
   */
  readonly brokenPauseMs: number;
  /** Migrations that have ended and that Redis remembers. */
  readonly keptMigrations: number;
}

export const defaultLimits: Limits = {
  questionMs: 15_000,
  silentMs: 1_000,
  optionalMs: 1_000,
  stepMs: 60_000,
  slowestBytesPerSecond: 8 * 2 ** 20,
  undoCallMs: 30_000,
  undoPatienceMs: 90_000,
  retryFirstMs: 100,
  retryMaxMs: 2_000,
  progressMs: 200,
  watchMs: 200,
  jobLockMs: 8_000,
  stalledMs: 2_000,
  sweepMs: 3_000,
  attentionMs: 500,
  relayLookMs: 2_000,
  slotLeaseMs: 10_000,
  slotPollMs: 500,
  retryPauseMs: 2_000,
  brokenPauseMs: 5_000,
  keptMigrations: 1_000,
};

/** The deadline of a step that moves up to `bytes`, at most at `capBytesPerSecond` (0: no cap). */
export function transferDeadlineMs(limits: Limits, bytes: number, capBytesPerSecond = 0): number {
  const cap = capBytesPerSecond > 0 ? capBytesPerSecond / 2 : Infinity;
  return limits.stepMs + (bytes / Math.min(limits.slowestBytesPerSecond, cap)) * 1000;
}
