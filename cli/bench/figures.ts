/**
 * The pictures of bench.html, from the experiment's statistics.
 *
 * What depends on two things is drawn as small multiples, one picture a size or a cell, so that each picture has one
 * line or bar a mode.
 */
import { formatBytes } from '../../libraries/units/index.js';
import { lineChart, type Line, type LinePoint } from '../report/charts/line-chart.js';
import { stackedBars, type BarGroup } from '../report/charts/stacked-bars.js';
import { formatCpu } from '../report/comparison.js';
import { componentLegend, modeNames } from '../report/figures.js';
import type { BenchMigration, CountedMigration } from './bench-migration.js';
import { cellText, isSameCell, writeRateText } from './cell-text.js';
import type { Cell } from './plan.js';
import type { PerGib, RelayStatistics } from './relay.js';
import { cellsOf, groupsOf, type ModeStatistics, type Spread } from './statistics.js';
import type { WholeVmStatistics } from './whole-vm.js';

const whole = { width: 720, height: 320 };
export const small = { width: 352, height: 230 };
/** Colours of write rates, in order; more of them than these begin again. */
const rateKeys = ['portkey', 'final', 'relay', 'vhost', 'virtiofsd'];

export const wholeVmLegend = { key: 'whole-vm', label: 'whole VM' } as const;

export interface TitledPicture {
  readonly title: string;
  readonly picture: string;
}

/** Per cell a bar a mode, made of what the components used, and one of whole-VM migration, which is all QEMU's. */
export function cpuAgainstSize(
  modes: readonly ModeStatistics[],
  wholeVm: readonly WholeVmStatistics[],
  side: 'source' | 'destination',
): string {
  const [qemu] = componentLegend;
  const groups = cellsOf(modes).map((cell): BarGroup => {
    const yardstick = wholeVm.flatMap((row) => {
      const used = row[side];
      if (!isSameCell(row, cell) || used === null) return [];
      const segments = [{ ...qemu, value: used.median }];
      return [{ label: wholeVmLegend.label, segments, total: formatCpu(used.median) }];
    });
    const rows = modes.flatMap((row) => {
      const { total, byComponent } = row[side];
      if (!isSameCell(row, cell) || total === null) return [];
      const segments = componentLegend.map(({ key, label }) => ({
        key,
        label,
        value: Math.max(0, byComponent[key]?.median ?? 0),
      }));
      return [{ label: modeNames[row.mode], segments, total: formatCpu(total.median) }];
    });
    return { title: cellText(cell), rows: [...rows, ...yardstick] };
  });
  return stackedBars(
    groups.filter(({ rows }) => rows.length > 0),
    'CPU seconds',
    `CPU seconds of the ${side} host by size, write rate, mode and component`,
  );
}

/** The relays' CPU per GiB and, below it, the floor's. */
export function relayBars(relay: readonly RelayStatistics[]): string {
  const row = (label: string, { source, destination, both }: PerGib): BarGroup['rows'] =>
    source === null || destination === null || both === null
      ? []
      : [
          {
            label,
            segments: [
              { key: 'source', label: 'source host', value: Math.max(0, source.median) },
              { key: 'destination', label: 'destination host', value: Math.max(0, destination.median) },
            ],
            total: formatCpu(both.median),
          },
        ];
  const groups = relay.map((entry): BarGroup => ({
    title: `${cellText(entry)}${entry.timesFloor === null ? '' : `: ${entry.timesFloor.toFixed(2)} × the floor`}`,
    rows: [...row('relays', entry.relaySecondsPerGib), ...row('floor', entry.floorSecondsPerGib)],
  }));
  return stackedBars(
    groups.filter(({ rows }) => rows.length > 0),
    'CPU seconds per GiB',
    'CPU seconds per GiB of the relays and of the floor',
  );
}

/** Portkey mode's, one line a write rate, and what one hypercall a page would be. */
export function hypercallLines(modes: readonly ModeStatistics[]): Line[] {
  const rows = modes.filter(({ mode }) => mode === 'portkey').toSorted(bySize);
  const rates = [...new Set(rows.map((row) => row.writeBytesPerSecond))];
  const lines = rates.map((rate, index): Line => {
    const points = rows.filter((row) => row.writeBytesPerSecond === rate);
    const key = rateKeys[index % rateKeys.length] ?? 'portkey';
    return {
      key,
      label: writeRateText(rate),
      points: points.flatMap((row) => pointOf(row.memoryBytes, row.hypercalls)),
    };
  });
  const slowest = rows.filter((row) => row.writeBytesPerSecond === Math.min(...rates));
  const onePage = slowest.flatMap((row) => pointOf(row.memoryBytes, row.pagesSent));
  return [...lines, { key: 'quiet', label: 'one per page', dashed: true, points: onePage }];
}

export function hypercallsAgainstSize(modes: readonly ModeStatistics[]): string {
  return lineChart(
    hypercallLines(modes),
    {
      ...whole,
      x: { title: 'size of the container', logarithmic: true, label: formatBytes },
      y: { title: 'hypercalls', logarithmic: true },
    },
    'Hypercalls against size',
  );
}

type Times = Pick<ModeStatistics, 'totalSeconds' | 'downtimeSeconds' | keyof Cell>;

/** Per size two pictures: downtime and total time, with a line a mode and one of whole-VM migration. */
export function timesAgainstWriteRate(
  modes: readonly ModeStatistics[],
  wholeVm: readonly WholeVmStatistics[],
): TitledPicture[] {
  const sizes = [...new Set(modes.map(({ memoryBytes }) => memoryBytes))];
  const picture = (size: number, what: string, of: (row: Times) => Spread | null): TitledPicture => {
    const title = `${formatBytes(size)}: ${what}`;
    const points = (rows: readonly Times[]): LinePoint[] =>
      rows
        .filter((row) => row.memoryBytes === size)
        .toSorted((a, b) => a.writeBytesPerSecond - b.writeBytesPerSecond)
        .flatMap((row) => pointOf(row.writeBytesPerSecond, of(row)));
    const yardstick = { ...wholeVmLegend, points: points(wholeVm) };
    const lines = [
      ...modeLines((mode) => points(modes.filter((row) => row.mode === mode))),
      ...(yardstick.points.length === 0 ? [] : [yardstick]),
    ];
    const axes = { x: { title: 'write rate', label: writeRateText }, y: { title: 'seconds' } };
    return { title, picture: lineChart(lines, { ...small, ...axes }, `${title} against write rate`) };
  };
  return sizes.flatMap((size) => [
    picture(size, 'downtime', (row) => row.downtimeSeconds),
    picture(size, 'total time', (row) => row.totalSeconds),
  ]);
}

/** Per cell a line a mode: the rounds of its median migration. */
export function pagesPerRound(migrations: readonly BenchMigration[]): TitledPicture[] {
  const groups = groupsOf(migrations);
  return cellsOf(groups.map(({ cell }) => cell)).map((cell) => {
    const lines = modeLines((wanted) => {
      const group = groups.find((each) => each.mode === wanted && isSameCell(each.cell, cell));
      return (
        medianMigration(group?.counted ?? [])?.rounds.map(({ index, pages }) => ({ x: index, y: pages })) ??
        []
      );
    });
    const axes = { x: { title: 'round' }, y: { title: 'pages of 4 KiB', logarithmic: true } };
    const title = cellText(cell);
    return { title, picture: lineChart(lines, { ...small, ...axes }, `Pages per round: ${title}`) };
  });
}

/** The one in the middle by total time; of an even number the faster of the two. */
export function medianMigration(counted: readonly CountedMigration[]): CountedMigration | undefined {
  const sorted = counted.toSorted((a, b) => a.totalSeconds - b.totalSeconds);
  return sorted[Math.ceil(sorted.length / 2) - 1];
}

function modeLines(pointsOf: (mode: 'criu' | 'portkey') => readonly LinePoint[]): Line[] {
  return (['criu', 'portkey'] as const)
    .map((mode) => ({ key: mode, label: modeNames[mode], points: pointsOf(mode) }))
    .filter(({ points }) => points.length > 0);
}

export function pointOf(x: number, spread: Spread | null): LinePoint[] {
  return spread === null ? [] : [{ x, y: spread.median, low: spread.minimum, high: spread.maximum }];
}

const bySize = (a: Cell, b: Cell): number => a.memoryBytes - b.memoryBytes;
