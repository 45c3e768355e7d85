/**
 * The experiment's runs and their medians.
 *
 * Within one size and write rate the container goes to and fro between two VMs, so every mode is measured on the same
 * container. The order of the modes is turned around in every repetition: no mode always goes the same way, or
 * always comes first.
 */
import type { ModeName } from '../options.js';
import type { CpuReport, MigrationReport } from '../report/migration-report.js';

export interface Cell {
  readonly memoryBytes: number;
  readonly writeBytesPerSecond: number;
}

export function cellsOf(sizes: readonly number[], writeRates: readonly number[]): Cell[] {
  return sizes.flatMap((memoryBytes) =>
    writeRates.map((writeBytesPerSecond) => ({ memoryBytes, writeBytesPerSecond })),
  );
}

/** The modes of a cell's migrations, in order. */
export function modeOrder(modes: readonly ModeName[], repeat: number): ModeName[] {
  return Array.from({ length: repeat }, (_, turn) => (turn % 2 === 0 ? modes : modes.toReversed())).flat();
}

export interface Medians extends Cell {
  readonly mode: ModeName;
  readonly count: number;
  readonly totalSeconds: number;
  readonly downtimeSeconds: number;
  readonly clientPauseSeconds: number;
  readonly pagesSent: number;
  readonly hypercalls: number;
  readonly source: CpuMedians;
  readonly destination: CpuMedians;
}

export type CpuMedians = Pick<CpuReport, 'total' | 'transfer' | 'byPhase'>;

/**
 * One entry a cell and mode, over the completed migrations of which the client said that nothing was lost or broken,
 * in the order of their first one.
 */
export function mediansOf(migrations: readonly MigrationReport[]): Medians[] {
  const groups = new Map<string, MigrationReport[]>();
  for (const report of migrations) {
    if (report.outcome !== 'completed' || report.workload === null) continue;
    if (report.verified !== true || report.connectionKept !== true) continue;
    const { memoryBytes, writeBytesPerSecond } = report.workload;
    const key = `${memoryBytes} ${writeBytesPerSecond} ${report.mode}`;
    groups.set(key, [...(groups.get(key) ?? []), report]);
  }
  return [...groups.values()].flatMap(groupMedians);
}

function groupMedians(reports: readonly MigrationReport[]): Medians[] {
  const first = reports[0];
  if (first?.workload === undefined || first.workload === null) return [];
  const { memoryBytes, writeBytesPerSecond } = first.workload;
  const of = (figure: (report: MigrationReport) => number | null): number =>
    median(reports.map(figure).filter((value) => value !== null));
  return [
    {
      memoryBytes,
      writeBytesPerSecond,
      mode: first.mode,
      count: reports.length,
      totalSeconds: of((report) => report.totalSeconds),
      downtimeSeconds: of((report) => report.downtimeSeconds),
      clientPauseSeconds: of((report) => report.clientPauseSeconds),
      pagesSent: of((report) => report.pagesSent),
      hypercalls: of((report) => report.hypercalls),
      source: cpuMedians(reports, 'source'),
      destination: cpuMedians(reports, 'destination'),
    },
  ];
}

function cpuMedians(reports: readonly MigrationReport[], side: 'source' | 'destination'): CpuMedians {
  const readings = reports.map(({ cpuSeconds }) => cpuSeconds[side]).filter((cpu) => cpu !== null);
  const of = (figure: (cpu: CpuReport) => number): number => median(readings.map(figure));
  return {
    total: of((cpu) => cpu.total),
    transfer: of((cpu) => cpu.transfer),
    byPhase: {
      precopy: of((cpu) => cpu.byPhase.precopy),
      final: of((cpu) => cpu.byPhase.final),
      restore: of((cpu) => cpu.byPhase.restore),
    },
  };
}

/** 0 where there is nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low, high] = [sorted[middle - 1], sorted[middle]];
  if (high === undefined) return 0;
  return sorted.length % 2 === 1 || low === undefined ? high : (low + high) / 2;
}
