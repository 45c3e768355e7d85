/** Which cells there are, and in which order; drawn by lot, for a run that is about time. */
import type { Cell } from './cell.js';
import { kinds, parts, type Kind, type Part } from './parts.js';
import { faultsOfPart, phases, type Phase } from './phases.js';
import { moments, type Moment } from './redis-link.js';

export interface Choice {
  readonly parts: readonly Part[];
  readonly kinds: readonly Kind[];
  readonly phases: readonly Phase[];
  readonly moments: readonly Moment[];
}

export const everything: Choice = { parts, kinds, phases, moments };

/** Neighbours take turns at the moments, and passes begin with another: two of them see both. Throws where there is no cell. */
export function matrixOf(choice: Choice, passes: number): Cell[] {
  const cells = choice.parts.flatMap((part) =>
    faultsOfPart(part)
      .filter(({ kind }) => choice.kinds.includes(kind))
      .flatMap((fault) => fault.phases.map((phase) => ({ part, kind: fault.kind, phase })))
      .filter(({ phase }) => choice.phases.includes(phase)),
  );
  // A matrix of nothing would pass.
  if (cells.length === 0)
    throw new Error(
      `there is no such cell: ${choice.parts.join(', ')}: ${choice.kinds.join(', ')} when ${choice.phases.join(', ')}; ` +
        'leave one of --parts, --kinds and --phases out',
    );
  return Array.from({ length: passes }, (_, pass) =>
    cells.map((cell, index) => ({
      ...cell,
      moment: choice.moments[(pass + index) % choice.moments.length] ?? 'asked',
    })),
  ).flat();
}

/** One of those that a container survives. `random` as Math.random. */
export function anyCell(random: () => number): Cell {
  const survivable = matrixOf(everything, 2).filter(
    ({ part, kind }) =>
      !(kind === 'kill' && (part === 'VM of the source' || part === 'VM of the destination')),
  );
  const cell = survivable[Math.floor(random() * survivable.length)];
  if (cell === undefined) throw new Error('there is no cell');
  return cell;
}

/** The same numbers for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
