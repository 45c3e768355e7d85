/**
 * What the same container costs in VMs of several memories: CPU of the transfer, in each mode.
 *
 * A migration's work is to follow the container, not the VM around it. The VMs are of one test bed after the other, so
 * what drifts on the machine meanwhile is in the ratio, unlike in that of the modes.
 */
import type { ModeName } from '../options.js';
import { isSameCell } from './cell-text.js';
import type { Cell } from './plan.js';
import { cellsOf, cellOf, type ModeStatistics, type Spread } from './statistics.js';

/** What was measured in one test bed. */
export interface VmMemoryModes {
  readonly vmMemoryBytes: number;
  readonly modes: readonly ModeStatistics[];
}

export interface VmMemoryStatistics extends Cell {
  readonly mode: ModeName;
  /** Ascending by memory. */
  readonly vms: readonly {
    readonly vmMemoryBytes: number;
    readonly source: Spread | null;
    readonly destination: Spread | null;
  }[];
  /** The largest VM against the smallest, median against median; null where either is missing. */
  readonly timesSmallest: Record<'source' | 'destination', number | null>;
}

/** One entry a cell and mode that counts in at least two beds. */
export function vmMemoryStatisticsOf(beds: readonly VmMemoryModes[]): VmMemoryStatistics[] {
  const ascending = beds.toSorted((a, b) => a.vmMemoryBytes - b.vmMemoryBytes);
  const all = ascending.flatMap(({ modes }) => modes);
  return cellsOf(all).flatMap((cell) =>
    (['criu', 'portkey'] as const).flatMap((mode) => {
      const vms = ascending.flatMap(({ vmMemoryBytes, modes }) => {
        const row = modes.find((each) => each.mode === mode && isSameCell(each, cell));
        if (row === undefined) return [];
        return [{ vmMemoryBytes, source: row.source.transfer, destination: row.destination.transfer }];
      });
      const [smallest, largest] = [vms[0], vms.at(-1)];
      if (smallest === undefined || largest === undefined || smallest === largest) return [];
      const times = (side: 'source' | 'destination'): number | null => ratio(largest[side], smallest[side]);
      const timesSmallest = { source: times('source'), destination: times('destination') };
      return [{ ...cellOf(cell), mode, vms, timesSmallest }];
    }),
  );
}

function ratio(largest: Spread | null, smallest: Spread | null): number | null {
  if (largest === null || smallest === null || smallest.median <= 0) return null;
  return largest.median / smallest.median;
}
