/**
 * Whole-VM migration by QEMU beside the experiment's modes: medians, and Portkey mode against them.
 *
 * It has no pairs with the migrations of the containers, so it is compared median against median. A migration counts as
 * theirs do: only if the client outside found everything there and kept its connection.
 */
import type { QemuMigration } from '../../testbed/index.js';
import { isSameCell } from './cell-text.js';
import type { Cell } from './plan.js';
import { cellOf, cellsOf, spreadOf, spreadOfKnown, type ModeStatistics, type Spread } from './statistics.js';

export interface WholeVmMigration extends Cell, QemuMigration {
  readonly vmMemoryBytes: number;
  /** From 1. */
  readonly repetition: number;
  /** null where the client outside did not answer, like the two that follow. */
  readonly verified: boolean | null;
  readonly connectionKept: boolean | null;
  readonly clientPauseSeconds: number | null;
}

export interface WholeVmStatistics extends Cell {
  /** How many migrations count. */
  readonly count: number;
  readonly totalSeconds: Spread | null;
  readonly downtimeSeconds: Spread | null;
  readonly clientPauseSeconds: Spread | null;
  readonly bytesSent: Spread | null;
  /** CPU of the whole migration. */
  readonly source: Spread | null;
  readonly destination: Spread | null;
  /** Portkey mode as a multiple of it, median against median; null where either is missing. */
  readonly portkeyTimes: Record<WholeVmRatio, number | null>;
}

export type WholeVmRatio = 'totalTime' | 'downtime' | 'sourceTotal' | 'destinationTotal';

/** One entry a cell of which a migration counts. */
export function wholeVmStatisticsOf(
  migrations: readonly WholeVmMigration[],
  modes: readonly ModeStatistics[],
): WholeVmStatistics[] {
  const counted = migrations.filter(({ verified, connectionKept }) => verified === true && connectionKept === true); // prettier-ignore
  return cellsOf(counted).map((cell) => {
    const ofCell = counted.filter((migration) => isSameCell(migration, cell));
    const portkey = modes.find((row) => row.mode === 'portkey' && isSameCell(row, cell));
    const of = (figure: (migration: WholeVmMigration) => number): Spread | null =>
      spreadOf(ofCell.map(figure));
    const totalSeconds = of((migration) => migration.totalSeconds);
    const downtimeSeconds = of((migration) => migration.downtimeSeconds);
    const source = of(({ cpuSeconds }) => cpuSeconds.source.total);
    const destination = of(({ cpuSeconds }) => cpuSeconds.destination.total);
    return {
      ...cellOf(cell),
      count: ofCell.length,
      totalSeconds,
      downtimeSeconds,
      clientPauseSeconds: spreadOfKnown(ofCell.map(({ clientPauseSeconds }) => clientPauseSeconds)),
      bytesSent: of(({ bytesSent }) => bytesSent),
      source,
      destination,
      portkeyTimes: {
        totalTime: ratio(portkey?.totalSeconds, totalSeconds),
        downtime: ratio(portkey?.downtimeSeconds, downtimeSeconds),
        sourceTotal: ratio(portkey?.source.total, source),
        destinationTotal: ratio(portkey?.destination.total, destination),
      },
    };
  });
}

function ratio(portkey: Spread | null | undefined, wholeVm: Spread | null): number | null {
  if (portkey === null || portkey === undefined || wholeVm === null || wholeVm.median <= 0) return null;
  return portkey.median / wholeVm.median;
}
