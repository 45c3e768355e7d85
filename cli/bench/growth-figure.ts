/** CPU against size with the fitted lines, a picture a host. */
import { formatBytes } from '../../libraries/units/index.js';
import { lineChart, type Line } from '../report/charts/line-chart.js';
import { modeNames } from '../report/figures.js';
import { pointOf, small, type TitledPicture } from './figures.js';
import { secondsOnLine, type GrowthStatistics } from './growth.js';
import type { ModeStatistics } from './statistics.js';

/** The medians of idle containers are points, the lines through them dashed. */
export function growthWithSize(
  growth: readonly GrowthStatistics[],
  modes: readonly ModeStatistics[],
): TitledPicture[] {
  return (['source', 'destination'] as const).map((side) => {
    const lines = growth.flatMap(({ mode, sizes, [side]: fit }): Line[] => {
      const of = { key: mode, label: modeNames[mode] };
      const measured = modes.filter((row) => row.mode === mode && row.writeBytesPerSecond === 0);
      const points = measured.flatMap((row) => pointOf(row.memoryBytes, row[side].transfer));
      const line = fit === null ? [] : sizes.map((x) => ({ x, y: Math.max(0, secondsOnLine(fit, x)) }));
      return [
        { ...of, joined: false, points },
        { ...of, label: `${of.label}, the line`, dashed: true, marked: false, points: line },
      ];
    });
    const title = `${side} host`;
    const axes = { x: { title: 'size of the container', label: formatBytes }, y: { title: 'CPU seconds' } };
    return { title, picture: lineChart(lines, { ...small, ...axes }, `${title}: CPU of the transfer against size`) }; // prettier-ignore
  });
}
