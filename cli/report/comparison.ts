/**
 * The two modes side by side, figure by figure: the table of `npm start` and of the report page.
 *
 * A saving is how much less Portkey mode took than CRIU mode, in per cent of CRIU mode; it is negative where Portkey
 * took more, and absent where CRIU mode took nothing or a figure is missing.
 */
import { formatBytes, formatSeconds } from '../../libraries/units/index.js';
import type { CpuReport, MigrationReport } from './migration-report.js';

export interface ComparedModes {
  readonly criu: MigrationReport;
  readonly portkey: MigrationReport;
}

export interface ComparedFigure {
  readonly label: string;
  readonly criu: string;
  readonly portkey: string;
  /** "43 % less", or empty. */
  readonly saving: string;
}

type Figure = (report: MigrationReport) => number | null | undefined;

/** The last completed migration of each mode; undefined unless there is one of each. */
export function comparableModes(migrations: readonly MigrationReport[]): ComparedModes | undefined {
  const last = (mode: MigrationReport['mode']): MigrationReport | undefined =>
    migrations.findLast((report) => report.mode === mode && report.outcome === 'completed');
  const [criu, portkey] = [last('criu'), last('portkey')];
  return criu === undefined || portkey === undefined ? undefined : { criu, portkey };
}

export function compareFigures(modes: ComparedModes): ComparedFigure[] {
  const row = (label: string, figure: Figure, format: (value: number) => string, saves = true) => ({
    label,
    criu: show(figure(modes.criu), format),
    portkey: show(figure(modes.portkey), format),
    saving: saves ? savingText(figure(modes.criu), figure(modes.portkey)) : '',
  });
  const cpu = (side: 'source' | 'destination', of: (cpu: CpuReport) => number): Figure => {
    return ({ cpuSeconds }) => (cpuSeconds[side] === null ? null : of(cpuSeconds[side]));
  };
  return [
    row('total time', (report) => report.totalSeconds, formatSeconds),
    row('downtime', (report) => report.downtimeSeconds, formatSeconds),
    row('client pause', (report) => report.clientPauseSeconds, formatSeconds),
    row('rounds', (report) => report.rounds.length, String, false),
    row('pages sent', (report) => report.pagesSent, formatCount, false),
    row('bytes sent', (report) => report.bytesSent, formatBytes, false),
    row('hypercalls', (report) => report.hypercalls, formatCount, false),
    row('source host CPU, transfer', cpu('source', transfer), formatCpu),
    row('source host CPU, total', cpu('source', total), formatCpu),
    row('destination host CPU, transfer', cpu('destination', transfer), formatCpu),
    row('destination host CPU, total', cpu('destination', total), formatCpu),
    {
      label: 'data verified',
      criu: yesOrNo(modes.criu.verified),
      portkey: yesOrNo(modes.portkey.verified),
      saving: '',
    },
    {
      label: 'connection kept',
      criu: yesOrNo(modes.criu.connectionKept),
      portkey: yesOrNo(modes.portkey.connectionKept),
      saving: '',
    },
  ];
}

/** Per cent less than `before`; undefined where that has no meaning. */
export function savingPercent(
  before: number | null | undefined,
  after: number | null | undefined,
): number | undefined {
  if (before === null || before === undefined || after === null || after === undefined || before <= 0)
    return undefined;
  return (1 - after / before) * 100;
}

export const total = (cpu: CpuReport): number => cpu.total;
export const transfer = (cpu: CpuReport): number => cpu.transfer;

export const formatCount = (value: number): string => value.toLocaleString('en-US').replaceAll(',', ' ');
export const formatCpu = (seconds: number): string => `${seconds.toFixed(2)} s`;

export function savingText(before: number | null | undefined, after: number | null | undefined): string {
  const percent = savingPercent(before, after);
  if (percent === undefined) return '';
  const rounded = Math.round(percent);
  if (rounded === 0) return 'the same';
  return rounded > 0 ? `${rounded} % less` : `${-rounded} % more`;
}

function show(value: number | null | undefined, format: (value: number) => string): string {
  return value === null || value === undefined ? '–' : format(value);
}

function yesOrNo(value: boolean | null): string {
  return value === null ? '–' : value ? 'yes' : 'NO';
}
