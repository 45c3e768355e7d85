/** A cell as people read it: "256 MiB, 5 MiB/s". */
import { formatBytes } from '../../libraries/units/index.js';
import type { Cell } from './plan.js';

export const cellText = (cell: Cell): string =>
  `${formatBytes(cell.memoryBytes)}, ${writeRateText(cell.writeBytesPerSecond)}`;

export const writeRateText = (bytesPerSecond: number): string =>
  bytesPerSecond === 0 ? 'idle' : `${formatBytes(bytesPerSecond)}/s`;

export const isSameCell = (a: Cell, b: Cell): boolean =>
  a.memoryBytes === b.memoryBytes && a.writeBytesPerSecond === b.writeBytesPerSecond;
