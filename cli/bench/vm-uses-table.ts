/** The CPU of each VM by what used it, beside that of its helpers on the host: medians, a row a cell, mode and host. */
import { modeNames } from '../report/figures.js';
import { cellText } from './cell-text.js';
import { seconds } from './spread-text.js';
import type { CpuStatistics, ModeStatistics, Spread } from './statistics.js';
import type { TextTable } from './text-table.js';

const columns: readonly { readonly title: string; readonly of: (cpu: CpuStatistics) => Spread | null }[] = [
  { title: 'agent', of: ({ vmByUse }) => vmByUse.agent },
  { title: 'its scan', of: ({ vmByUse }) => vmByUse.scan },
  { title: 'its hypercalls', of: ({ vmByUse }) => vmByUse.hypercalls },
  { title: 'runc, CRIU', of: ({ vmByUse }) => vmByUse.programs },
  { title: 'rest of VM', of: ({ vmByUse }) => vmByUse.rest },
  { title: 'relay', of: ({ byComponent }) => byComponent.relay },
  { title: 'virtiofsd', of: ({ byComponent }) => byComponent.virtiofsd },
  { title: 'vhost', of: ({ byComponent }) => byComponent.vhost },
  { title: 'idle, taken off', of: ({ idle }) => idle },
];

/** Undefined where no agent has told. */
export function vmUsesTable(modes: readonly ModeStatistics[]): TextTable | undefined {
  const sides = modes.flatMap((row) =>
    (['source', 'destination'] as const).map((side) => ({
      label: `${cellText(row)}: ${modeNames[row.mode]}, ${side}`,
      cpu: row[side],
    })),
  );
  if (sides.every(({ cpu }) => cpu.vmByUse.agent === null)) return undefined;
  return {
    title: 'CPU of the VMs, by what used it: medians in seconds',
    head: ['size, writes: mode, host', ...columns.map(({ title }) => title)],
    rows: sides.map(({ label, cpu }) => [label, ...columns.map(({ of }) => medianText(of(cpu)))]),
  };
}

const medianText = (spread: Spread | null): string => (spread === null ? '–' : seconds(spread.median));
