/**
 * How CPU grows with the container's memory: a straight line through the medians of `transfer` of idle containers.
 *
 * Theory: a migration has a fixed part (CRIU's dump, the agents' calls) and a part for each GiB (finding pages, sending,
 * landing), so CPU seconds = fixed part + seconds per GiB × size. Whatever grows faster than its container, such as a
 * scan of the whole VM for each batch, bends the line upwards.
 *
 * Two figures say whether it is one, both in per cent of what grows, that is the largest size's median without the fixed
 * part; in per cent of the whole, a large fixed part would hide any bend. `deviationPercent` is the largest distance of a
 * median from the line of least squares. It alone is a weak witness: sizes are mostly taken in powers, so the largest one
 * pulls the line to itself, and even a square may pass within a tenth. `aboveForetoldPercent` therefore asks what a line
 * through the other sizes foretells for the largest: by how much its median lies above that. A square lies 40 per cent and
 * more above it. Negative is where the largest cost less than foretold, and no fault. It carries the noise of the small
 * sizes up to the large one, the more the farther those are apart, and with three sizes it rests on two of them. Where
 * hardly anything grows, noise would be all there is, so what grows counts as a quarter of the median at least.
 *
 * Containers that are written to are left out: what they write while the rounds run depends on more than their size.
 */
import type { ModeName } from '../options.js';
import type { ModeStatistics } from './statistics.js';

const gibibyte = 2 ** 30;
/** Two sizes always lie on a line. */
const leastSizes = 3;
/** Of the largest size's median. */
const leastGrowingShare = 1 / 4;

export interface SizeFit {
  readonly fixedSeconds: number;
  readonly secondsPerGib: number;
  readonly deviationPercent: number;
  readonly aboveForetoldPercent: number;
}

export interface GrowthStatistics {
  readonly mode: ModeName;
  /** In bytes, ascending. */
  readonly sizes: readonly number[];
  /** null where a size has no reading of that host. */
  readonly source: SizeFit | null;
  readonly destination: SizeFit | null;
}

/** One entry a mode of which at least three sizes were run idle. */
export function growthOf(modes: readonly ModeStatistics[]): GrowthStatistics[] {
  const idle = modes
    .filter(({ writeBytesPerSecond }) => writeBytesPerSecond === 0)
    .toSorted((a, b) => a.memoryBytes - b.memoryBytes);
  return [...new Set(idle.map(({ mode }) => mode))].flatMap((mode) => {
    const rows = idle.filter((row) => row.mode === mode);
    if (rows.length < leastSizes) return [];
    const of = (side: 'source' | 'destination'): SizeFit | null => {
      const points = rows.flatMap(({ memoryBytes, [side]: { transfer } }) =>
        transfer === null ? [] : [{ gib: memoryBytes / gibibyte, seconds: transfer.median }],
      );
      return points.length < rows.length ? null : fitOf(points);
    };
    const sizes = rows.map(({ memoryBytes }) => memoryBytes);
    return [{ mode, sizes, source: of('source'), destination: of('destination') }];
  });
}

export const secondsOnLine = (line: SizeLine, memoryBytes: number): number =>
  secondsAt(line, memoryBytes / gibibyte);

export interface SizePoint {
  readonly gib: number;
  readonly seconds: number;
}

/** `points` are at least three, ascending and of different sizes. null where nothing was used. */
export function fitOf(points: readonly SizePoint[]): SizeFit | null {
  const largest = points.at(-1);
  if (largest === undefined || points.length < leastSizes || largest.seconds <= 0) return null;
  const line = leastSquares(points);
  const others = leastSquares(points.slice(0, -1));
  const deviation = Math.max(...points.map((point) => Math.abs(point.seconds - secondsAt(line, point.gib))));
  return {
    ...line,
    deviationPercent: (100 * deviation) / growingSeconds(largest, line),
    aboveForetoldPercent:
      (100 * (largest.seconds - secondsAt(others, largest.gib))) / growingSeconds(largest, others),
  };
}

type SizeLine = Pick<SizeFit, 'fixedSeconds' | 'secondsPerGib'>;

const secondsAt = ({ fixedSeconds, secondsPerGib }: SizeLine, gib: number): number =>
  fixedSeconds + secondsPerGib * gib;

const growingSeconds = (largest: SizePoint, { fixedSeconds }: SizeLine): number =>
  Math.max(largest.seconds - fixedSeconds, largest.seconds * leastGrowingShare);

function leastSquares(points: readonly SizePoint[]): SizeLine {
  const mean = (of: (point: SizePoint) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [gib, seconds] = [mean((point) => point.gib), mean((point) => point.seconds)];
  const variance = mean((point) => (point.gib - gib) ** 2);
  const covariance = mean((point) => (point.gib - gib) * (point.seconds - seconds));
  const secondsPerGib = covariance / variance;
  return { fixedSeconds: seconds - secondsPerGib * gib, secondsPerGib };
}
