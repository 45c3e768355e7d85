/** The CPU of each VM's agent and programs, step by step: medians, a table a host, with a row a cell and mode. */
import { modeNames } from '../report/figures.js';
import { cellText } from './cell-text.js';
import { seconds } from './spread-text.js';
import type { ModeStatistics, StepStatistics } from './statistics.js';
import type { TextTable } from './text-table.js';

/** As a migration takes them; others, of agents that have more, come after them. */
const inOrder: readonly string[] = [
  ...['begin', 'prepare', 'round', 'throttle', 'freeze', 'last-round', 'dump', 'restore', 'activate'],
  ...['between', 'finish', 'release'],
];

export const vmStepsNote =
  'In each step the agent + the programs that it ran: runc with the CRIU that it started, and ip. The kernel tells whoever ' +
  'waits for runc only the sum of the two. "between" is outside of steps; "finish" and "release" come when the container ' +
  'runs at its destination, and are in no other figure.';

/** Of hosts whose agents told. */
export function vmStepsTables(modes: readonly ModeStatistics[]): TextTable[] {
  const tables = (['source', 'destination'] as const).flatMap((side) => {
    const rows = modes.filter((row) => Object.keys(row[side].vmByStep).length > 0);
    if (rows.length === 0) return [];
    const steps = [...new Set(rows.flatMap((row) => Object.keys(row[side].vmByStep)))].toSorted(
      (a, b) => place(a) - place(b),
    );
    return [
      {
        title: `CPU in the ${side}’s VM, by step: agent + runc, CRIU; medians in seconds`,
        head: ['size, writes: mode', ...steps],
        rows: rows.map((row) => [
          `${cellText(row)}: ${modeNames[row.mode]}`,
          ...steps.map((step) => stepText(row[side].vmByStep[step])),
        ]),
      },
    ];
  });
  // Once for both.
  return tables.map((table, index) => (index < tables.length - 1 ? table : { ...table, note: vmStepsNote }));
}

function place(step: string): number {
  const known = inOrder.indexOf(step);
  return known < 0 ? inOrder.length : known;
}

function stepText(step: StepStatistics | undefined): string {
  const [agent, programs] = [step?.agent ?? null, step?.programs ?? null];
  if (agent === null || programs === null) return '–';
  return `${seconds(agent.median)} + ${seconds(programs.median)}`;
}
