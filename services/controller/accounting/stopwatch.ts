/**
 * When each step of a migration began and how long it took, on the controller's monotonic clock.
 *
 * Steps do not overlap. Each belongs to one of the report's three phases; a phase lasts from the beginning of its
 * first step to the end of its last.
 */
import type { Clock } from '../../../libraries/process/index.js';
import type { CpuPhase } from './cpu.js';

const phaseOf = {
  preflight: 'precopy',
  precopy: 'precopy',
  freeze: 'final',
  'final-round': 'final',
  dump: 'final',
  landing: 'final',
  verify: 'restore',
  restore: 'restore',
  commit: 'restore',
  activate: 'restore',
} as const satisfies Record<string, CpuPhase>;

export type StepName = keyof typeof phaseOf;

export const stepNames = Object.keys(phaseOf) as StepName[];

export interface TimedStep {
  readonly name: StepName;
  readonly phase: CpuPhase;
  /** Since the migration began. */
  readonly startSeconds: number;
  readonly seconds: number;
}

export interface TimedPhase {
  readonly name: CpuPhase;
  readonly seconds: number;
}

const phaseNames = ['precopy', 'final', 'restore'] as const satisfies readonly CpuPhase[];

export class Stopwatch {
  private readonly beganMs: number;
  private readonly done: TimedStep[] = [];

  constructor(private readonly clock: Clock) {
    this.beganMs = clock.monotonicMs();
  }

  /** Times `work`, also when it fails. */
  async time<T>(name: StepName, work: () => Promise<T>): Promise<T> {
    const startSeconds = this.elapsedSeconds();
    try {
      return await work();
    } finally {
      const seconds = this.elapsedSeconds() - startSeconds;
      this.done.push({ name, phase: phaseOf[name], startSeconds, seconds });
    }
  }

  elapsedSeconds(): number {
    return (this.clock.monotonicMs() - this.beganMs) / 1000;
  }

  get steps(): readonly TimedStep[] {
    return this.done;
  }

  /** How long this step took; 0 where it was not done. */
  secondsOf(name: StepName): number {
    return this.done.find((step) => step.name === name)?.seconds ?? 0;
  }

  phases(): TimedPhase[] {
    return phasesOf(this.done);
  }
}

/** All three phases, in order; one of which no step was done took 0. */
export function phasesOf(steps: readonly TimedStep[]): TimedPhase[] {
  return phaseNames.map((name) => {
    const own = steps.filter(({ phase }) => phase === name);
    const [first, last] = [own[0], own.at(-1)];
    if (first === undefined || last === undefined) return { name, seconds: 0 };
    return { name, seconds: last.startSeconds + last.seconds - first.startSeconds };
  });
}
