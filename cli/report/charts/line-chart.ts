/**
 * Lines over a numeric axis: how a figure goes with size, write rate or round.
 *
 * Each line has its points marked, since a line between two of them says nothing about what lies there, and each point
 * may carry its range as a whisker. The horizontal axis has its ticks where points are; those that would run into
 * their neighbour have no label. On a logarithmic axis what is 0 lies at its lower end.
 */
import { linearScale, logScale, type Scale } from './scale.js';
import { element, picture, text, titled } from './svg.js';

export interface LinePoint {
  readonly x: number;
  readonly y: number;
  readonly low?: number;
  readonly high?: number;
}

export interface Line {
  /** Class of the colour, and what the legend calls it. */
  readonly key: string;
  readonly label: string;
  /** For what is no measurement of its own, but there to compare with. */
  readonly dashed?: boolean;
  /** Points alone, where a fitted line runs through them. */
  readonly joined?: false;
  /** The line alone, where it was fitted and no point of it measured. */
  readonly marked?: false;
  readonly points: readonly LinePoint[];
}

export interface Axis {
  readonly title: string;
  readonly logarithmic?: boolean;
  readonly label?: (value: number) => string;
}

export interface LineChart {
  readonly width: number;
  readonly height: number;
  readonly x: Axis;
  readonly y: Axis;
}

interface Plot {
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
}

const left = 70;
const right = 14;
const top = 26;
const axisHeight = 46;
/** Keeps the outermost points off the edges. */
const inset = 22;
const letterWidth = 7;

export function lineChart(lines: readonly Line[], chart: LineChart, label: string): string {
  const { width, height } = chart;
  const bottom = height - axisHeight;
  const points = lines.flatMap((line) => line.points);
  const scale = verticalScale(points, chart.y, bottom - top);
  const places = [...new Set(points.map(({ x }) => x))].sort((a, b) => a - b);
  const plot = {
    x: horizontal(places, chart.x, left + inset, width - right - inset),
    y: (value: number) => bottom - scale.length(value),
  };
  const parts = [text(0, 12, chart.y.title, { class: 'axis' })];
  for (const tick of scale.ticks) {
    const y = plot.y(tick);
    parts.push(element('line', { class: 'grid', x1: left, x2: width - right, y1: y, y2: y }));
    const written = (chart.y.label ?? scale.label)(tick);
    parts.push(text(left - 8, y + 4, written, { class: 'tick', 'text-anchor': 'end' }));
  }
  parts.push(...placeLabels(places, chart.x, plot, bottom + 18));
  parts.push(
    text((left + width - right) / 2, bottom + 38, chart.x.title, { class: 'axis', 'text-anchor': 'middle' }),
  );
  for (const line of lines) parts.push(...drawLine(line, chart, plot));
  return picture(width, height, label, parts);
}

function verticalScale(points: readonly LinePoint[], { logarithmic }: Axis, pixels: number): Scale {
  const values = points.flatMap(({ y, low, high }) => [y, low ?? y, high ?? y]);
  const most = Math.max(...values, 0);
  const positive = values.filter((value) => value > 0);
  return logarithmic === true && positive.length > 0
    ? logScale(Math.min(...positive), most, pixels)
    : linearScale(most, pixels, 4);
}

/** A single place stands in the middle. */
function horizontal(
  places: readonly number[],
  { logarithmic }: Axis,
  from: number,
  to: number,
): (value: number) => number {
  const measure = logarithmic === true && (places[0] ?? 0) > 0 ? Math.log : (value: number): number => value;
  const [first, last] = [measure(places[0] ?? 0), measure(places.at(-1) ?? 0)];
  if (first === last) return () => (from + to) / 2;
  return (value) => from + ((measure(value) - first) / (last - first)) * (to - from);
}

function placeLabels(places: readonly number[], { label = String }: Axis, plot: Plot, y: number): string[] {
  let free = -Infinity;
  return places.flatMap((place) => {
    const [x, written] = [plot.x(place), label(place)];
    const half = (written.length * letterWidth) / 2;
    if (x - half < free) return [];
    free = x + half + letterWidth;
    return [text(x, y, written, { class: 'tick', 'text-anchor': 'middle' })];
  });
}

function drawLine(
  { key, label, dashed, joined, marked, points }: Line,
  { x, y }: LineChart,
  plot: Plot,
): string[] {
  const path = points.map((point) => `${place(plot.x(point.x))} ${place(plot.y(point.y))}`).join('L');
  const parts =
    points.length < 2 || joined === false
      ? []
      : [element('path', { class: `line stroke-${key}${dashed === true ? ' dashed' : ''}`, d: `M${path}` })];
  if (marked === false) return parts;
  for (const point of points) {
    const { low = point.y, high = point.y } = point;
    const across = plot.x(point.x);
    if (low !== high)
      parts.push(
        element('line', { class: `whisker stroke-${key}`, x1: across, x2: across, y1: plot.y(low), y2: plot.y(high) }), // prettier-ignore
      );
    const value = (y.label ?? shortText)(point.y);
    const title = `${label}, ${(x.label ?? String)(point.x)}: ${value}`;
    parts.push(titled('circle', { class: `fill-${key}`, cx: across, cy: plot.y(point.y), r: 3.5 }, title));
  }
  return parts;
}

const place = (pixels: number): number => Math.round(pixels * 10) / 10;
const shortText = (value: number): string => String(Math.round(value * 100) / 100);
