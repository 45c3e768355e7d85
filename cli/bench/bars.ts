/**
 * What the hypercall path has to reach, as far as one run of the experiment can say it.
 *
 * Savings are medians of the pairs against CRIU mode; hypercalls and the relays are medians of Portkey mode, and so is
 * what stands against whole-VM migration. Growth is judged where the idle sizes of the run span the bar's (growth.ts has
 * why there are two bars for it), and the VM's own memory where the same container ran in VMs one of which has four times
 * the other's; of several such containers the worst counts.
 *
 * Growth is to be "linear"; that within 10 % of a line, and no more than 25 % above what smaller sizes foretell, is linear
 * is this project's reading of it.
 * Not here: relay CPU per GiB where every run is one page, at most 2 × the floor. No container of the experiment has such
 * memory, so `node build/services/hypervisor-relay/measure.js` judges it, with a guest that names single pages.
 */
import type { Cell } from './plan.js';
import type { SavingName } from './savings.js';
import type { WholeVmRatio } from './whole-vm.js';

export type BarFigure =
  | { readonly kind: 'percent-less'; readonly saving: SavingName }
  | { readonly kind: 'times-criu'; readonly saving: SavingName }
  | { readonly kind: 'hypercalls' }
  | { readonly kind: 'times-floor' }
  | { readonly kind: 'times-whole-vm'; readonly ratio: WholeVmRatio }
  | { readonly kind: 'growth-deviation' | 'growth-above-foretold'; readonly side: Side }
  | { readonly kind: 'times-smaller-vm'; readonly side: Side };

type Side = 'source' | 'destination';

export interface Bar {
  readonly what: string;
  readonly cell: Cell;
  /** What it is over, as far as that is more than one cell in one bed: the smallest and the largest. */
  readonly sizes?: readonly number[];
  readonly vmMemoryBytes?: readonly number[];
  readonly figure: BarFigure;
  readonly limit: number;
}

/** A saving is to reach its limit, everything else to stay within it. */
export const measures = {
  'percent-less': { sense: 'at least', unit: '% less', digits: 1 },
  'times-criu': { sense: 'at most', unit: '× CRIU mode', digits: 2 },
  'times-floor': { sense: 'at most', unit: '× the floor', digits: 2 },
  'times-whole-vm': { sense: 'at most', unit: '× whole-VM migration', digits: 2 },
  'growth-deviation': { sense: 'at most', unit: '% of what grows', digits: 1 },
  'growth-above-foretold': { sense: 'at most', unit: '% above foretold', digits: 1 },
  'times-smaller-vm': { sense: 'at most', unit: '× the smaller VM', digits: 2 },
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

const growth = (side: Side): Bar[] => {
  const smallest = gibibytes(1 / 16);
  const place = { cell: idle(gibibytes(2)), sizes: [smallest, gibibytes(2)] };
  return [
    {
      what: `${side} growth, off a line`,
      ...place,
      figure: { kind: 'growth-deviation', side },
      limit: 10,
    },
    {
      what: `${side} growth, largest`,
      ...place,
      figure: { kind: 'growth-above-foretold', side },
      limit: 25,
    },
  ];
};

const inLargerVm = (side: Side): Bar => ({
  what: `${side} in a larger VM`,
  cell: idle(gibibytes(1 / 4)),
  vmMemoryBytes: [gibibytes(2), gibibytes(8)],
  figure: { kind: 'times-smaller-vm', side },
  limit: 1.05,
});

/** Under the table. */
export const barsNote =
  'That growth is linear within 10 % of a line, and up to 25 % above what smaller sizes foretell, is this project’s reading ' +
  'of "linear". Relay CPU where every run is one page is judged by node build/services/hypervisor-relay/measure.js.';

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
  ...growth('source'),
  ...growth('destination'),
  inLargerVm('source'),
  inLargerVm('destination'),
];
