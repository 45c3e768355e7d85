/**
 * What the hypercall path has to reach, as far as one run of the experiment can say it.
 *
 * Savings are medians of the pairs against CRIU mode; hypercalls and the relays are medians of Portkey mode, and so is what
 * stands against whole-VM migration. Not here: what needs another container (one whose every run is a single page), or VMs of another size.
 */
import type { Cell } from './plan.js';
import type { SavingName } from './savings.js';
import type { WholeVmRatio } from './whole-vm.js';

export type BarFigure =
  | { readonly kind: 'percent-less'; readonly saving: SavingName }
  | { readonly kind: 'times-criu'; readonly saving: SavingName }
  | { readonly kind: 'hypercalls' }
  | { readonly kind: 'times-floor' }
  | { readonly kind: 'times-whole-vm'; readonly ratio: WholeVmRatio };

export interface Bar {
  readonly what: string;
  readonly cell: Cell;
  readonly figure: BarFigure;
  readonly limit: number;
}

/** A saving is to reach its limit, everything else to stay within it. */
export const measures = {
  'percent-less': { sense: 'at least', unit: '% less', digits: 1 },
  'times-criu': { sense: 'at most', unit: '× CRIU mode', digits: 2 },
  'times-floor': { sense: 'at most', unit: '× the floor', digits: 2 },
  'times-whole-vm': { sense: 'at most', unit: '× whole-VM migration', digits: 2 },
  hypercalls: { sense: 'at most', unit: '', digits: 0 },
} as const satisfies Record<BarFigure['kind'], object>;

const gibibytes = (count: number): number => count * 2 ** 30;
const idle = (memoryBytes: number): Cell => ({ memoryBytes, writeBytesPerSecond: 0 });
const written: Cell = { memoryBytes: gibibytes(1), writeBytesPerSecond: 10 * 2 ** 20 };

const less = (what: string, saving: SavingName, cell: Cell, limit: number): Bar => ({
  what,
  cell,
  figure: { kind: 'percent-less', saving },
  limit,
});

export const bars: readonly Bar[] = [
  less('source host CPU, transfer', 'sourceTransfer', idle(gibibytes(1)), 75),
  less('source host CPU, transfer', 'sourceTransfer', idle(gibibytes(2)), 85),
  less('destination host CPU, transfer', 'destinationTransfer', idle(gibibytes(1)), 82),
  less('destination host CPU, transfer', 'destinationTransfer', idle(gibibytes(2)), 90),
  less('source host CPU, total', 'sourceTotal', idle(gibibytes(1)), 65),
  less('destination host CPU, total', 'destinationTotal', idle(gibibytes(1)), 40),
  less('source host CPU, transfer', 'sourceTransfer', written, 75),
  less('destination host CPU, transfer', 'destinationTransfer', written, 82),
  { what: 'hypercalls', cell: idle(gibibytes(1)), figure: { kind: 'hypercalls' }, limit: 32 },
  { what: 'hypercalls', cell: written, figure: { kind: 'hypercalls' }, limit: 200 },
  { what: 'relay CPU per GiB', cell: idle(gibibytes(1)), figure: { kind: 'times-floor' }, limit: 1.25 },
  { what: 'downtime', cell: written, figure: { kind: 'times-criu', saving: 'downtime' }, limit: 0.7 },
  {
    what: 'total time',
    cell: idle(gibibytes(1)),
    figure: { kind: 'times-criu', saving: 'totalTime' },
    limit: 0.5,
  },
  {
    what: 'total time',
    cell: idle(gibibytes(1)),
    figure: { kind: 'times-whole-vm', ratio: 'totalTime' },
    limit: 0.5,
  },
];
