/**
 * Shows a migration's events while it runs: two lines that redraw themselves on a terminal, plain lines elsewhere.
 *
 * On a terminal only decisions and warnings stay; everything else is in the two lines. Elsewhere each event is a line,
 * but of the progress within a round only one a second.
 */
import type { Clock } from '../../libraries/process/index.js';
import type { MigrationEvent } from '../../libraries/rpc/index.js';
import { LiveLines } from '../live-lines.js';
import type { Output } from '../output.js';
import { advance, noProgress, progressLines } from './progress.js';

export interface MigrationView extends Disposable {
  show(event: MigrationEvent): void;
  note(line: string): void;
}

const plainProgressMs = 1000;
const redrawMs = 100;

export function migrationView(output: Output, clock: Clock, title: string): MigrationView {
  return output.live ? liveView(output, clock, title) : plainView(output, clock);
}

function plainView(output: Output, clock: Clock): MigrationView {
  let lastProgressMs = -Infinity;
  return {
    show: (event) => {
      if (event.kind === 'progress') {
        const nowMs = clock.monotonicMs();
        if (nowMs - lastProgressMs < plainProgressMs) return;
        lastProgressMs = nowMs;
      }
      output.note(eventLine(event));
    },
    note: (line) => output.note(line),
    [Symbol.dispose]: () => undefined,
  };
}

function liveView(output: Output, clock: Clock, title: string): MigrationView {
  const lines = new LiveLines(output.stderr);
  const startMs = clock.monotonicMs();
  let progress = noProgress;
  const redraw = (): void =>
    lines.show(progressLines(title, progress, (clock.monotonicMs() - startMs) / 1000));
  const timer = setInterval(redraw, redrawMs);
  return {
    show: (event) => {
      progress = advance(progress, event);
      if (event.kind === 'decision' || event.kind === 'warning') lines.above(eventLine(event));
      redraw();
    },
    note: (line) => lines.above(line),
    [Symbol.dispose]: () => {
      clearInterval(timer);
      lines.clear();
    },
  };
}

export function eventLine(event: MigrationEvent): string {
  const marker = event.kind === 'warning' ? 'warning: ' : '';
  return `${event.at.slice(11, 23)}  ${event.state.padEnd(11)}  ${marker}${event.text}`;
}
