/**
 * Slows a container down whose pages would not settle: it may use a share of the CPU that it used, all its tasks
 * together, between the migration's begin and its first throttling. So a container that keeps one of many CPUs busy is
 * slowed down as one that keeps all of them busy.
 *
 * Whoever freezes or rolls back lifts the limit (departure.ts); nothing here needs to be remembered for that.
 */
import { PortkeyError } from '../../libraries/errors/index.js';
import { secondsSince, type Clock } from '../../libraries/process/index.js';
import type { CpuLimit } from '../../libraries/runtime/index.js';

export class Throttle {
  private begun: { readonly atMs: number; readonly usedSeconds: number } | undefined;
  private cpusBefore: number | undefined;

  constructor(
    private readonly limit: Pick<CpuLimit, 'usedSeconds' | 'set'>,
    private readonly clock: Clock,
  ) {}

  /** A container whose cgroup does not say what it uses can be migrated, but not throttled. */
  async begin(): Promise<void> {
    const usedSeconds = await this.limit.usedSeconds().catch(() => undefined);
    if (usedSeconds !== undefined) this.begun = { atMs: this.clock.monotonicMs(), usedSeconds };
  }

  /** Returns the CPUs that it may use from now on. Throws `runtime-failed`. */
  async to(share: number): Promise<number> {
    if (!(share > 0 && share < 1)) {
      throw new PortkeyError('invalid-argument', `a container cannot be throttled to ${share} of its CPU`);
    }
    const cpus = share * (this.cpusBefore ??= await this.cpusSinceBegin());
    await this.limit.set(cpus);
    return cpus;
  }

  private async cpusSinceBegin(): Promise<number> {
    const { begun } = this;
    if (begun === undefined) {
      throw new PortkeyError('runtime-failed', 'nobody knows how much CPU the container has used');
    }
    const used = (await this.limit.usedSeconds()) - begun.usedSeconds;
    return used / Math.max(0.001, secondsSince(this.clock, begun.atMs));
  }
}
