/**
 * The experiment in one line of large figures: the savings of its largest container, at the lowest write rate.
 *
 * The largest one, because what CRIU and runc take whatever the size weighs least there, and it is what the
 * hypercall path is for; the page says which it is.
 */
import { signedPercent } from '../report/summary.js';
import type { BenchStatistics } from './bench-statistics.js';
import { cellText } from './cell-text.js';
import type { SavingName } from './savings.js';
import { percent, spreadText } from './spread-text.js';

export interface BenchHeadline {
  readonly figures: readonly { readonly figure: string; readonly meaning: string }[];
  readonly explanation: string;
}

const shown: readonly { readonly name: SavingName; readonly meaning: string }[] = [
  { name: 'sourceTransfer', meaning: 'CPU, source host, transfer' },
  { name: 'sourceTotal', meaning: 'CPU, source host, whole migration' },
  { name: 'destinationTransfer', meaning: 'CPU, destination host, transfer' },
  { name: 'destinationTotal', meaning: 'CPU, destination host, whole migration' },
];

/** Undefined without a pair. */
export function headlineOf({ savings }: BenchStatistics): BenchHeadline | undefined {
  const [cell] = savings.toSorted(
    (a, b) => b.memoryBytes - a.memoryBytes || a.writeBytesPerSecond - b.writeBytesPerSecond,
  );
  if (cell === undefined) return undefined;
  const figures = shown.flatMap(({ name, meaning }) => {
    const spread = cell.percentLess[name];
    return spread === null ? [] : [{ figure: signedPercent(-spread.median), meaning }];
  });
  const downtime = spreadText(cell.percentLess.downtime, percent, '% less');
  const totalTime = spreadText(cell.percentLess.totalTime, percent, '% less');
  return {
    figures,
    explanation:
      `Portkey mode against CRIU mode with ${cellText(cell)}, median of ${cell.pairs} ` +
      `${cell.pairs === 1 ? 'pair' : 'pairs'}; downtime ${downtime}, total time ${totalTime}.`,
  };
}
