/** The matrix as a table for people: a row for each part and kind of fault, a column for each phase. */
import { formatTable } from '../../cli/table.js';
import { median } from '../../libraries/statistics/index.js';
import type { CellResult } from './cell.js';
import { kinds, parts } from './parts.js';
import { phases } from './phases.js';
import type { Ending } from './settled.js';

const letters: Readonly<Record<Ending, string>> = {
  completed: 'C',
  'rolled back': 'R',
  refused: 'N',
  'lost with its VM': 'L',
};

export const legend =
  'C completed, R rolled back, N refused (nothing was changed), L lost with its VM, which was killed; seconds until settled; ' +
  'FAILED: see below';

export function matrixTable(results: readonly CellResult[]): string {
  const rows = parts.flatMap((part) =>
    kinds.flatMap((kind) => {
      const row = results.filter((cell) => cell.part === part && cell.kind === kind);
      if (row.length === 0) return [];
      return [[part, kind, ...phases.map((phase) => cellText(row.filter((cell) => cell.phase === phase)))]];
    }),
  );
  return formatTable(
    ['part', 'fault', ...phases].map((title) => ({ title })),
    rows,
  );
}

function cellText(results: readonly CellResult[]): string {
  return results.map(resultText).join(' ');
}

function resultText({ ending, findings, settleSeconds }: CellResult): string {
  if (ending === undefined || findings.length > 0) return 'FAILED';
  return `${letters[ending]}${settleSeconds.toFixed(0)}`;
}

/** What came of one cell; a line more for each finding. */
export function cellLine({
  part,
  kind,
  phase,
  moment,
  ending,
  reason,
  settleSeconds,
  findings,
}: CellResult): string {
  const what = `${part}: ${kind} when ${phase} is ${moment}:`;
  const why = reason === '' ? '' : ` (${reason})`;
  const end = `${ending ?? 'not settled'}${why} after ${settleSeconds.toFixed(1)} s`;
  return [what, end, ...findings.map((finding) => `\n    ${finding}`)].join(' ');
}

export interface Summary {
  readonly faults: number;
  readonly failed: number;
  readonly endings: Readonly<Record<Ending, number>>;
  readonly settleSeconds: { readonly median: number; readonly max: number };
  readonly mostCopies: number;
  readonly lostWrites: number;
}

export function summaryOf(results: readonly CellResult[]): Summary {
  const count = (ending: Ending): number => results.filter((result) => result.ending === ending).length;
  const times = results.map(({ settleSeconds }) => settleSeconds);
  return {
    faults: results.length,
    failed: results.filter(({ findings }) => findings.length > 0).length,
    endings: {
      completed: count('completed'),
      'rolled back': count('rolled back'),
      refused: count('refused'),
      'lost with its VM': count('lost with its VM'),
    },
    settleSeconds: { median: median(times), max: Math.max(...times) },
    mostCopies: Math.max(...results.map(({ mostCopies }) => mostCopies)),
    lostWrites: results.reduce((sum, { lostWrites }) => sum + lostWrites, 0),
  };
}

export function summaryText(summary: Summary): string {
  const { faults, failed, endings, settleSeconds, mostCopies, lostWrites } = summary;
  return [
    `${faults} faults injected: ${endings.completed} migrations completed, ${endings['rolled back']} rolled back, ` +
      `${endings.refused} refused, ${endings['lost with its VM']} lost with a VM that was killed`,
    `settled after ${settleSeconds.median.toFixed(1)} s (median), ${settleSeconds.max.toFixed(1)} s at most`,
    `at most ${mostCopies} copy ran at once; ${lostWrites} acknowledged writes lost`,
    `${faults - failed} cells passed, ${failed} failed`,
  ].join('\n');
}
