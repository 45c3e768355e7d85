/**
 * Medians of the experiment with minimum and maximum, per cell and mode, over the migrations that count.
 *
 * null stands for a figure that none of them has, such as the CPU of a host whose relay did not answer.
 */
import { median } from '../../libraries/statistics/index.js';
import type { ModeName } from '../options.js';
import type { CpuReport } from '../report/migration-report.js';
import { isCounted, type BenchMigration, type CountedMigration } from './bench-migration.js';
import { isSameCell } from './cell-text.js';
import type { Cell } from './plan.js';
import { secondsByStep } from './vm-steps.js';
import { vmUsesOf, type VmUses } from './vm-uses.js';

export interface Spread {
  readonly median: number;
  readonly minimum: number;
  readonly maximum: number;
}

/** Of one step of an agent: itself, and the programs that it ran. */
export type StepStatistics = Record<'agent' | 'programs', Spread | null>;

export interface CpuStatistics {
  readonly total: Spread | null;
  readonly transfer: Spread | null;
  readonly byPhase: Record<'precopy' | 'final' | 'restore', Spread | null>;
  readonly byComponent: Record<'vm' | 'relay' | 'virtiofsd' | 'vhost', Spread | null>;
  /** What `byComponent.vm` went to, over the migrations whose agents told. */
  readonly vmByUse: Record<keyof VmUses, Spread | null>;
  /** By the agent's steps; empty where none told. */
  readonly vmByStep: Readonly<Record<string, StepStatistics>>;
  /** An idle VM's share, which is in none of the others. */
  readonly idle: Spread | null;
}

export interface ModeStatistics extends Cell {
  readonly mode: ModeName;
  /** How many migrations count. */
  readonly count: number;
  readonly totalSeconds: Spread | null;
  readonly downtimeSeconds: Spread | null;
  readonly clientPauseSeconds: Spread | null;
  readonly pagesSent: Spread | null;
  readonly bytesSent: Spread | null;
  readonly hypercalls: Spread | null;
  readonly source: CpuStatistics;
  readonly destination: CpuStatistics;
}

/** null for no values. The median of an even number of values is the mean of the two in the middle. */
export function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  return { median: median(values), minimum: Math.min(...values), maximum: Math.max(...values) };
}

export function spreadOfKnown(values: readonly (number | null | undefined)[]): Spread | null {
  return spreadOf(values.filter((value) => value !== null && value !== undefined));
}

/** One entry a cell and mode of which a migration counts, in the order of the first ones. */
export function modeStatisticsOf(migrations: readonly BenchMigration[]): ModeStatistics[] {
  return groupsOf(migrations).map(({ cell, mode, counted }) => {
    const of = (figure: (migration: CountedMigration) => number | null): Spread | null =>
      spreadOfKnown(counted.map(figure));
    return {
      ...cell,
      mode,
      count: counted.length,
      totalSeconds: of((report) => report.totalSeconds),
      downtimeSeconds: of((report) => report.downtimeSeconds),
      clientPauseSeconds: of((report) => report.clientPauseSeconds),
      pagesSent: of((report) => report.pagesSent),
      bytesSent: of((report) => report.bytesSent),
      hypercalls: of((report) => report.hypercalls),
      source: cpuStatistics(counted, 'source'),
      destination: cpuStatistics(counted, 'destination'),
    };
  });
}

export interface Group {
  readonly cell: Cell;
  readonly mode: ModeName;
  readonly counted: readonly CountedMigration[];
}

export function groupsOf(migrations: readonly BenchMigration[]): Group[] {
  const groups: { cell: Cell; mode: ModeName; counted: CountedMigration[] }[] = [];
  for (const migration of migrations.filter(isCounted)) {
    const { mode, workload } = migration;
    const group = groups.find((each) => each.mode === mode && isSameCell(each.cell, workload));
    if (group !== undefined) group.counted.push(migration);
    else groups.push({ cell: cellOf(workload), mode, counted: [migration] });
  }
  return groups;
}

export function cellOf({ memoryBytes, writeBytesPerSecond }: Cell): Cell {
  return { memoryBytes, writeBytesPerSecond };
}

/** The cells of which there is anything, each once. */
export function cellsOf(entries: readonly Cell[]): Cell[] {
  return entries
    .filter((entry, index) => entries.findIndex((other) => isSameCell(other, entry)) === index)
    .map(cellOf);
}

function cpuStatistics(counted: readonly CountedMigration[], side: 'source' | 'destination'): CpuStatistics {
  const readings = counted.map(({ cpuSeconds }) => cpuSeconds[side]).filter((cpu) => cpu !== null);
  const uses = counted.map((migration) => vmUsesOf(migration, side));
  const of = (figure: (cpu: CpuReport) => number): Spread | null => spreadOf(readings.map(figure));
  const ofUse = (use: keyof VmUses): Spread | null => spreadOfKnown(uses.map((each) => each?.[use]));
  return {
    total: of((cpu) => cpu.total),
    transfer: of((cpu) => cpu.transfer),
    byPhase: {
      precopy: of((cpu) => cpu.byPhase.precopy),
      final: of((cpu) => cpu.byPhase.final),
      restore: of((cpu) => cpu.byPhase.restore),
    },
    byComponent: {
      vm: of((cpu) => cpu.byComponent.vm),
      relay: of((cpu) => cpu.byComponent.relay),
      virtiofsd: of((cpu) => cpu.byComponent.virtiofsd),
      vhost: of((cpu) => cpu.byComponent.vhost),
    },
    vmByUse: {
      agent: ofUse('agent'),
      scan: ofUse('scan'),
      hypercalls: ofUse('hypercalls'),
      programs: ofUse('programs'),
      rest: ofUse('rest'),
    },
    vmByStep: Object.fromEntries(
      [...secondsByStep(counted, side)].map(([step, { agent, programs }]) => [
        step,
        { agent: spreadOf(agent), programs: spreadOf(programs) },
      ]),
    ),
    idle: of((cpu) => cpu.idle),
  };
}
