/** The same container in VMs of several memories, a row a cell, mode and host. */
import { formatBytes } from '../../libraries/units/index.js';
import { modeNames } from '../report/figures.js';
import { cellText } from './cell-text.js';
import { seconds, spreadText } from './spread-text.js';
import type { TextTable } from './text-table.js';
import type { VmMemoryStatistics } from './vm-memory-statistics.js';

/** Undefined where there was one memory only. */
export function vmMemoryTable(entries: readonly VmMemoryStatistics[]): TextTable | undefined {
  const memories = [...new Set(entries.flatMap(({ vms }) => vms.map(({ vmMemoryBytes }) => vmMemoryBytes)))];
  if (memories.length === 0) return undefined;
  memories.sort((a, b) => a - b);
  const rows = entries.flatMap((entry) =>
    (['source', 'destination'] as const).map((side) => {
      const times = entry.timesSmallest[side];
      return [
        `${cellText(entry)}: ${modeNames[entry.mode]}, ${side}`,
        ...memories.map((memory) => {
          const vm = entry.vms.find(({ vmMemoryBytes }) => vmMemoryBytes === memory);
          return spreadText(vm?.[side] ?? null, seconds, 's');
        }),
        times === null ? '–' : `${times.toFixed(2)} ×`,
      ];
    }),
  );
  return {
    title: 'CPU of the transfer in VMs of several memories: median (minimum–maximum)',
    head: [
      'size, writes: mode, host',
      ...memories.map((memory) => `VM of ${formatBytes(memory)}`),
      'largest / smallest',
    ],
    rows,
  };
}
