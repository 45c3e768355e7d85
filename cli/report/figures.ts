/**
 * The pictures of a report page, from the reports of migrations.
 */
import { formatCpu } from './comparison.js';
import { columns } from './charts/columns.js';
import { stackedBars, type BarGroup, type Segment } from './charts/stacked-bars.js';
import { timeline, type Lane } from './charts/timeline.js';
import type { CpuReport, MigrationReport } from './migration-report.js';

export const modeNames = { criu: 'CRIU', portkey: 'Portkey' } as const;

export const componentLegend = [
  { key: 'vm', label: 'the VM (QEMU, all threads)' },
  { key: 'relay', label: 'hypervisor-relay' },
  { key: 'virtiofsd', label: 'virtiofsd' },
  { key: 'vhost', label: 'vhost' },
] as const;

export const phaseLegend = [
  { key: 'precopy', label: 'pre-copy' },
  { key: 'final', label: 'final (frozen until all has landed)' },
  { key: 'restore', label: 'restore' },
] as const;

const hosts = [
  { side: 'source', title: 'Source host' },
  { side: 'destination', title: 'Destination host' },
] as const;

type SegmentsOf = (cpu: CpuReport) => Segment[];

const byComponent: SegmentsOf = (cpu) =>
  componentLegend.map(({ key, label }) => ({ key, label, value: Math.max(0, cpu.byComponent[key]) }));

const byPhase: SegmentsOf = (cpu) =>
  phaseLegend.map(({ key, label }) => ({ key, label, value: Math.max(0, cpu.byPhase[key]) }));

export function cpuByComponent(migrations: readonly MigrationReport[]): string {
  return cpuBars(migrations, byComponent, 'CPU seconds per host and mode, by component');
}

export function cpuByPhase(migrations: readonly MigrationReport[]): string {
  return cpuBars(migrations, byPhase, 'CPU seconds per host and mode, by phase');
}

function cpuBars(migrations: readonly MigrationReport[], segmentsOf: SegmentsOf, label: string): string {
  const groups = hosts.map(({ side, title }): BarGroup => {
    const rows = migrations.flatMap(({ mode, cpuSeconds }) => {
      const cpu = cpuSeconds[side];
      return cpu === null
        ? []
        : [{ label: modeNames[mode], segments: segmentsOf(cpu), total: formatCpu(cpu.total) }];
    });
    return { title, rows };
  });
  return stackedBars(groups, 'CPU seconds', label);
}

export function pagesPerRound(migrations: readonly MigrationReport[]): string {
  const series = migrations.map(({ mode, rounds }) => ({
    key: mode,
    label: modeNames[mode],
    values: rounds.map(({ pages }) => pages),
    marked: rounds.flatMap(({ last }, index) => (last === true ? [index] : [])),
  }));
  return columns(series, { x: 'round', y: 'pages of 4 KiB' }, 'Pages sent per round and mode');
}

export function phaseTimeline(migrations: readonly MigrationReport[]): string {
  return timeline(migrations.map(lane), 'Timeline of the steps of each mode');
}

function lane({ mode, steps, downtimeSeconds }: MigrationReport): Lane {
  const freeze = steps.find(({ phase }) => phase === 'final');
  const downtime =
    freeze === undefined || downtimeSeconds === null
      ? undefined
      : { startSeconds: freeze.startSeconds, seconds: downtimeSeconds };
  return {
    label: modeNames[mode],
    steps: steps.map(({ name, phase, startSeconds, seconds }) => ({
      key: phase,
      label: name,
      startSeconds,
      seconds,
    })),
    downtime,
  };
}
