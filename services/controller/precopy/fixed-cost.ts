/**
 * The downtime that no pre-copy round can shorten (freeze, dump, restore, activation), learned from the
 * migrations that went through, per mode. Each new one counts as much as all before it.
 */
import type { MigrationMode } from '../state/index.js';

export class FixedCost {
  private readonly learned = new Map<MigrationMode, number>();

  /** 0 while nothing is known. */
  seconds(mode: MigrationMode): number {
    return this.learned.get(mode) ?? 0;
  }

  learn(mode: MigrationMode, downtimeSeconds: number, lastRoundSeconds: number): void {
    const measured = Math.max(0, downtimeSeconds - lastRoundSeconds);
    const before = this.learned.get(mode) ?? measured;
    this.learned.set(mode, (before + measured) / 2);
  }
}
