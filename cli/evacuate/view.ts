/**
 * Shows an evacuation while it goes on: lines that redraw themselves on a terminal, one for each container that is on its
 * way; plain lines elsewhere, for each step but not for the progress within one.
 */
import type { Clock } from '../../libraries/process/index.js';
import type { EvacuationEvent } from '../../libraries/rpc/index.js';
import { LiveLines } from '../live-lines.js';
import { eventLine } from '../migrate/view.js';
import type { Output } from '../output.js';
import type { Moves } from './moves.js';

export interface EvacuationView extends Disposable {
  /** `moves` has taken the event already. */
  show(event: EvacuationEvent): void;
}

const redrawMs = 100;

export function evacuationView(output: Output, clock: Clock, vm: string, moves: Moves): EvacuationView {
  if (!output.live) {
    return {
      show: (event) => {
        const line = lineOf(event);
        if (line !== undefined) output.note(line);
      },
      [Symbol.dispose]: () => undefined,
    };
  }
  const lines = new LiveLines(output.stderr);
  const startMs = clock.monotonicMs();
  const redraw = (): void => lines.show(moves.lines(vm, (clock.monotonicMs() - startMs) / 1000));
  const timer = setInterval(redraw, redrawMs);
  return {
    show: (event) => {
      const line = event.event?.kind === 'transition' ? undefined : lineOf(event);
      if (line !== undefined) lines.above(line);
      redraw();
    },
    [Symbol.dispose]: () => {
      clearInterval(timer);
      lines.clear();
    },
  };
}

/** Undefined for what is only progress within a step; what a migration waits for is told. */
function lineOf({ container, to, outcome, reason, event }: EvacuationEvent): string | undefined {
  if (event !== null) {
    const isProgress = event.kind === 'decision' || (event.kind === 'progress' && event.state !== 'pending');
    return isProgress ? undefined : `${container}  ${eventLine(event)}`;
  }
  switch (outcome) {
    case 'planned':
      return `${container}  goes to ${to}`;
    case 'moved':
      return `${container}  is on ${to} now`;
    case 'lost':
      return `${container}  is lost: ${reason}`;
    case 'unknown':
      return `${container}  nobody can say whether it runs, and where: ${reason}`;
    default:
      return `${container}  stays: ${reason}`;
  }
}
