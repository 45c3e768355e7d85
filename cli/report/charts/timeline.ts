/**
 * What happened when: a lane per migration with its steps, and below it the time in which the container stood still.
 */
import { linearScale, type Scale } from './scale.js';
import { element, picture, text, titledRect } from './svg.js';

export interface Step {
  /** Class of the colour. */
  readonly key: string;
  readonly label: string;
  readonly startSeconds: number;
  readonly seconds: number;
}

export interface Lane {
  readonly label: string;
  readonly steps: readonly Step[];
  readonly downtime: { readonly startSeconds: number; readonly seconds: number } | undefined;
}

const width = 720;
const left = 96;
const right = 16;
const laneHeight = 78;
const barHeight = 30;
const axisHeight = 44;
const letterWidth = 7;

export function timeline(lanes: readonly Lane[], label: string): string {
  const end = Math.max(
    ...lanes.flatMap(({ steps }) => steps.map(({ startSeconds, seconds }) => startSeconds + seconds)),
    0,
  );
  const scale = linearScale(end, width - left - right, 8);
  const bottom = lanes.length * laneHeight;
  const parts: string[] = [];
  for (const tick of scale.ticks) {
    const x = left + scale.length(tick);
    parts.push(element('line', { class: 'grid', x1: x, x2: x, y1: 0, y2: bottom }));
    parts.push(text(x, bottom + 18, scale.label(tick), { class: 'tick', 'text-anchor': 'middle' }));
  }
  parts.push(
    text((left + width - right) / 2, bottom + 38, 'seconds since the migration began', {
      class: 'axis',
      'text-anchor': 'middle',
    }),
  );
  lanes.forEach((lane, index) => parts.push(...drawLane(lane, index * laneHeight + 10, scale)));
  return picture(width, bottom + axisHeight, label, parts);
}

function drawLane(lane: Lane, y: number, scale: Scale): string[] {
  const parts = [
    text(left - 10, y + barHeight / 2 + 5, lane.label, { class: 'label', 'text-anchor': 'end' }),
  ];
  for (const step of lane.steps) {
    const x = left + scale.length(step.startSeconds);
    const stepWidth = scale.length(step.seconds);
    parts.push(
      titledRect(
        { class: `fill-${step.key} step`, x, y, width: Math.max(0.5, stepWidth), height: barHeight },
        `${step.label}: ${step.seconds.toFixed(3)} s`,
      ),
    );
    if (stepWidth > step.label.length * letterWidth + 10)
      parts.push(
        text(x + stepWidth / 2, y + barHeight / 2 + 5, step.label, {
          class: 'inside',
          'text-anchor': 'middle',
        }),
      );
  }
  if (lane.downtime !== undefined) parts.push(...drawDowntime(lane.downtime, y + barHeight, scale));
  return parts;
}

function drawDowntime(
  downtime: { readonly startSeconds: number; readonly seconds: number },
  y: number,
  scale: Scale,
): string[] {
  const x1 = left + scale.length(downtime.startSeconds);
  const x2 = x1 + scale.length(downtime.seconds);
  return [
    element('path', { class: 'bracket', d: `M${x1} ${y + 4}v6H${x2}v-6` }),
    // The standstill is near the end, so there is room to its left.
    text(x2, y + 26, `stands still ${downtime.seconds.toFixed(2)} s`, {
      class: 'tick',
      'text-anchor': 'end',
    }),
  ];
}
