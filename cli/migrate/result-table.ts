/**
 * A report for people: figures one below the other, then the rounds.
 */
import { formatBytes, formatSeconds } from '../../libraries/units/index.js';
import { formatCount, formatCpu } from '../report/comparison.js';
import type { MigrationReport } from '../report/migration-report.js';
import { formatTable } from '../table.js';

export function resultTable(report: MigrationReport): string {
  const head = `${report.container}: ${report.from} → ${report.to}, ${report.mode} mode, ${report.outcome ?? 'running'} (${report.id})`;
  const parts = [
    head,
    formatTable([{ title: 'figure' }, { title: 'value', align: 'right' }], figures(report)),
  ];
  if (report.rounds.length > 0) parts.push(roundTable(report));
  return parts.join('\n\n');
}

function figures(report: MigrationReport): string[][] {
  const { source, destination } = report.cpuSeconds;
  const optional = (label: string, value: string | undefined): string[][] =>
    value === undefined ? [] : [[label, value]];
  const time = (seconds: number | null): string | undefined =>
    seconds === null ? undefined : formatSeconds(seconds);
  const countText = (value: number | null): string | undefined =>
    value === null ? undefined : formatCount(value);
  const yesNo = (value: boolean | null): string | undefined =>
    value === null ? undefined : value ? 'yes' : 'NO';
  return [
    ['total time', formatSeconds(report.totalSeconds)],
    ...optional('downtime', time(report.downtimeSeconds)),
    ...optional('client pause', time(report.clientPauseSeconds)),
    ['pages sent', formatCount(report.pagesSent)],
    ...optional('of these zero, only named', countText(report.zeroPages)),
    ['bytes sent', formatBytes(report.bytesSent)],
    ['hypercalls', formatCount(report.hypercalls)],
    ...optional('source host CPU (transfer)', cpuText(source)),
    ...optional('destination host CPU (transfer)', cpuText(destination)),
    ...digestFigures(report.pageDigest),
    ...optional('data verified', yesNo(report.verified)),
    ...optional('connection kept', yesNo(report.connectionKept)),
  ];
}

function digestFigures(digest: MigrationReport['pageDigest']): string[][] {
  if (digest === null) return [];
  const { alike, pages, bytes, sharedPages, seconds, source, destination } = digest;
  return [
    ['pages compared by digest', `${formatCount(pages)} (${formatBytes(bytes)})`],
    ...(sharedPages === 0 ? [] : [['shared pages, out of reach', formatCount(sharedPages)]]),
    ['landed as they were frozen', alike ? 'yes' : 'NO'],
    ['the comparison took (of downtime)', formatSeconds(seconds)],
    ['source VM CPU for digests', formatCpu(source.cpuSeconds)],
    ['destination VM CPU for digests', formatCpu(destination.cpuSeconds)],
  ];
}

function cpuText(cpu: MigrationReport['cpuSeconds']['source']): string | undefined {
  return cpu === null ? undefined : `${formatCpu(cpu.total)} (${formatCpu(cpu.transfer)})`;
}

function roundTable({ rounds }: MigrationReport): string {
  const right = (title: string) => ({ title, align: 'right' as const });
  return formatTable(
    [
      right('round'),
      right('pages'),
      right('bytes'),
      right('time'),
      right('dirty after'),
      right('hypercalls'),
    ],
    rounds.map((round) => [
      `${round.index}${round.last === true ? ' (frozen)' : ''}`,
      formatCount(round.pages),
      formatBytes(round.bytes),
      formatSeconds(round.seconds),
      formatCount(round.dirtyPagesAfter),
      formatCount(round.hypercalls),
    ]),
  );
}
