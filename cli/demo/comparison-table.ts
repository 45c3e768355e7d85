/** Both modes side by side on a terminal. */
import { compareFigures, type ComparedModes } from '../report/comparison.js';
import { formatTable } from '../table.js';

export function comparisonTable(modes: ComparedModes): string {
  return formatTable(
    [
      { title: '' },
      { title: 'CRIU', align: 'right' },
      { title: 'Portkey', align: 'right' },
      { title: 'Portkey takes', align: 'right' },
    ],
    compareFigures(modes).map(({ label, criu, portkey, saving }) => [label, criu, portkey, saving]),
  );
}
