/**
 * CPU seconds that a migration cost one host, from the relay's readings at the boundaries of its phases.
 *
 * The three phases are the report's: `precopy` from the first step until the freeze, `final` from there until
 * everything has landed, `restore` from there until the destination's copy runs. A reading has, for each component
 * (QEMU's threads, relay, virtiofsd, vhost), the CPU it used since it started, and the share that it uses while
 * its VM is idle. Per phase and component:
 *
 *     raw  = used at the end − used at the beginning      (0 if the counter went back: the process is a new one)
 *     idle = min(raw, idle share × elapsed time)
 *     net  = raw − idle
 *
 * `total`, `byPhase` and `byComponent` are sums of net, so each of them adds up to the same; `idle` is the sum of
 * what was taken off. The idle share is the first reading's, so the same for all phases. Elapsed time is the
 * relay's own clock, so a reading that comes late is still right.
 *
 * Readings are cumulative, so one that was lost between two phases takes nothing away: the two become one stretch,
 * and all of it counts for the later phase. The total stays what it was, but for a phase that used less than its
 * idle share. `transfer` does too unless the reading was the one between `final` and `restore`: then `restore` has
 * the CPU of both, and `transfer` is too low by the earlier one's.
 */
import type { CpuReading, CpuSeconds } from '../../../libraries/rpc/index.js';

export type CpuPhase = 'precopy' | 'final' | 'restore';
type Component = keyof CpuSeconds;

export interface SideCpu {
  readonly total: number;
  readonly transfer: number;
  readonly byPhase: Record<CpuPhase, number>;
  readonly byComponent: Record<Component, number>;
  readonly idle: number;
}

/** One phase that has ended, and the reading at its end. */
export interface PhaseEnd {
  readonly phase: CpuPhase;
  readonly reading: CpuReading;
}

export const cpuComponents = ['vm', 'relay', 'virtiofsd', 'vhost'] as const;
const none: CpuSeconds = { vm: 0, relay: 0, virtiofsd: 0, vhost: 0 };

/**
 * `start` is the reading before the first phase, `ends` those at the ends of phases, in order: of all that were
 * reached, but for lost ones before the last.
 */
export function accountSide(start: CpuReading, ends: readonly PhaseEnd[]): SideCpu {
  const byPhase: Record<CpuPhase, number> = { precopy: 0, final: 0, restore: 0 };
  const byComponent: Record<Component, number> = { ...none };
  const idlePerSecond = start.idlePerSecond ?? none;
  let idle = 0;
  let before = start;
  for (const { phase, reading } of ends) {
    const elapsed = Math.max(0, reading.atSeconds - before.atSeconds);
    for (const component of cpuComponents) {
      const raw = Math.max(0, (reading.used ?? none)[component] - (before.used ?? none)[component]);
      const idleShare = Math.min(raw, Math.max(0, idlePerSecond[component]) * elapsed);
      byPhase[phase] += raw - idleShare;
      byComponent[component] += raw - idleShare;
      idle += idleShare;
    }
    before = reading;
  }
  const transfer = byPhase.precopy + byPhase.final;
  return { total: transfer + byPhase.restore, transfer, byPhase, byComponent, idle };
}
