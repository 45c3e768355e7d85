/**
 * Where a migration stands, put together from its events.
 *
 * Each progress event carries JSON of some of these figures; what an event leaves out stays as it was. Unknown
 * fields and events without data are fine: an older or newer controller must not stop the view.
 */
import { z } from 'zod';

import type { MigrationEvent } from '../../libraries/rpc/index.js';
import { formatBytes, formatSeconds, PAGE_BYTES } from '../../libraries/units/index.js';
import { formatCount } from '../report/comparison.js';

const figure = z.number().optional().catch(undefined);

const figuresSchema = z.object({
  round: figure,
  pagesSent: figure,
  pagesTotal: figure,
  bytesPerSecond: figure,
  dirtyPagesPerSecond: figure,
  hypercalls: figure,
  predictedDowntimeSeconds: figure,
});

export type Figures = z.infer<typeof figuresSchema>;

export interface Progress {
  readonly state: string;
  readonly figures: Figures;
}

export const noProgress: Progress = { state: 'pending', figures: {} };

export function advance(progress: Progress, event: MigrationEvent): Progress {
  return { state: event.state, figures: { ...progress.figures, ...figuresOf(event.data) } };
}

/** Two lines: where it stands, and the figures of the current round. */
export function progressLines(title: string, { state, figures }: Progress, elapsedSeconds: number): string[] {
  const round = figures.round === undefined ? '' : `  round ${figures.round}`;
  return [`${title}  ${state}${round}  ${elapsedSeconds.toFixed(1)} s`, `  ${figureText(figures)}`];
}

function figureText(figures: Figures): string {
  const { pagesSent, pagesTotal, bytesPerSecond, dirtyPagesPerSecond, hypercalls } = figures;
  const parts = [
    pagesSent === undefined ? '' : pageText(pagesSent, pagesTotal ?? 0),
    bytesPerSecond === undefined ? '' : `${formatBytes(bytesPerSecond)}/s`,
    dirtyPagesPerSecond === undefined
      ? ''
      : `written to at ${formatBytes(dirtyPagesPerSecond * PAGE_BYTES)}/s`,
    hypercalls === undefined ? '' : `${formatCount(hypercalls)} hypercalls`,
    figures.predictedDowntimeSeconds === undefined
      ? ''
      : `downtime about ${formatSeconds(figures.predictedDowntimeSeconds)}`,
  ];
  return parts.filter((part) => part !== '').join(' · ');
}

function pageText(sent: number, total: number): string {
  if (total === 0) return `${formatCount(sent)} pages`;
  return `${formatCount(sent)} of ${formatCount(total)} pages (${Math.floor((sent / total) * 100)} %)`;
}

function figuresOf(data: string): Figures {
  if (data === '') return {};
  try {
    const given = figuresSchema.catch({}).parse(JSON.parse(data));
    return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  } catch {
    return {};
  }
}
