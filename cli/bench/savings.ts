/**
 * How much less Portkey mode took than CRIU mode, pair by pair.
 *
 * A pair is the two migrations of one repetition: minutes apart on the same container, so that what drifts on the
 * machine weighs on both. Each pair gives a saving of its own, and the median is over those; a pair counts only if
 * both of its migrations do. A saving is in per cent of CRIU mode, negative where Portkey mode took more.
 */
import { savingPercent } from '../report/comparison.js';
import { isCounted, type BenchMigration, type CountedMigration } from './bench-migration.js';
import { isSameCell } from './cell-text.js';
import type { Cell } from './plan.js';
import { cellOf, cellsOf, spreadOfKnown, type Spread } from './statistics.js';

const figures = {
  sourceTransfer: ({ cpuSeconds }) => cpuSeconds.source?.transfer,
  sourceTotal: ({ cpuSeconds }) => cpuSeconds.source?.total,
  destinationTransfer: ({ cpuSeconds }) => cpuSeconds.destination?.transfer,
  destinationTotal: ({ cpuSeconds }) => cpuSeconds.destination?.total,
  downtime: ({ downtimeSeconds }) => downtimeSeconds,
  totalTime: ({ totalSeconds }) => totalSeconds,
} as const satisfies Record<string, (migration: CountedMigration) => number | null | undefined>;

export type SavingName = keyof typeof figures;

export const savingNames: readonly { readonly name: SavingName; readonly title: string }[] = [
  { name: 'sourceTransfer', title: 'source transfer' },
  { name: 'sourceTotal', title: 'source total' },
  { name: 'destinationTransfer', title: 'destination transfer' },
  { name: 'destinationTotal', title: 'destination total' },
  { name: 'downtime', title: 'downtime' },
  { name: 'totalTime', title: 'total time' },
];

export interface CellSavings extends Cell {
  readonly pairs: number;
  /** null where no pair has the figure on both sides. */
  readonly percentLess: Record<SavingName, Spread | null>;
}

interface Pair {
  readonly criu: CountedMigration;
  readonly portkey: CountedMigration;
}

/** One entry a cell that has a pair. */
export function savingsOf(migrations: readonly BenchMigration[]): CellSavings[] {
  const counted = migrations.filter(isCounted);
  return cellsOf(counted.map(({ workload }) => workload)).flatMap((cell) => {
    const pairs = pairsOf(counted.filter(({ workload }) => isSameCell(workload, cell)));
    if (pairs.length === 0) return [];
    const of = (name: SavingName): Spread | null =>
      spreadOfKnown(
        pairs.map(({ criu, portkey }) => savingPercent(figures[name](criu), figures[name](portkey))),
      );
    const percentLess = {
      sourceTransfer: of('sourceTransfer'),
      sourceTotal: of('sourceTotal'),
      destinationTransfer: of('destinationTransfer'),
      destinationTotal: of('destinationTotal'),
      downtime: of('downtime'),
      totalTime: of('totalTime'),
    };
    return [{ ...cellOf(cell), pairs: pairs.length, percentLess }];
  });
}

/** `counted` is of one cell. */
function pairsOf(counted: readonly CountedMigration[]): Pair[] {
  return counted.flatMap((criu) => {
    if (criu.mode !== 'criu') return [];
    const portkey = counted.find(
      ({ mode, repetition }) => mode === 'portkey' && repetition === criu.repetition,
    );
    return portkey === undefined ? [] : [{ criu, portkey }];
  });
}
