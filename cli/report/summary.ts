/**
 * A report in plain language: what moved, what it cost in each mode, and whether everything survived.
 */
import { formatBytes, formatSeconds } from '../../libraries/units/index.js';
import { formatCpu, savingPercent, type ComparedModes } from './comparison.js';
import type { MigrationReport } from './migration-report.js';

export interface Headline {
  readonly figure: string;
  readonly meaning: string;
}

/** The savings of Portkey mode in large letters; empty where CPU was not measured. */
export function headlines({ criu, portkey }: ComparedModes): Headline[] {
  const saving = (
    meaning: string,
    of: (report: MigrationReport) => number | null | undefined,
  ): Headline[] => {
    const percent = savingPercent(of(criu), of(portkey));
    return percent === undefined ? [] : [{ figure: signedPercent(-percent), meaning }];
  };
  return [
    ...saving('CPU, source host', ({ cpuSeconds }) => cpuSeconds.source?.total),
    ...saving('CPU, source host, transfer alone', ({ cpuSeconds }) => cpuSeconds.source?.transfer),
    ...saving('CPU, destination host', ({ cpuSeconds }) => cpuSeconds.destination?.total),
    ...saving('CPU, destination host, transfer alone', ({ cpuSeconds }) => cpuSeconds.destination?.transfer),
  ];
}

export function sentences(modes: ComparedModes): string[] {
  const { criu, portkey } = modes;
  return [
    `The container “${portkey.container}”${workloadText(portkey)} was migrated live in both modes, on the same VMs, one after the other.`,
    hostSentence('source', modes),
    hostSentence('destination', modes),
    `It stood still for ${time(criu.downtimeSeconds)} in CRIU mode and ${time(portkey.downtimeSeconds)} in Portkey mode; its client waited at most ${time(criu.clientPauseSeconds)} and ${time(portkey.clientPauseSeconds)} for a reply.`,
    survivalSentence([criu, portkey]),
  ].filter((sentence) => sentence !== '');
}

function hostSentence(side: 'source' | 'destination', { criu, portkey }: ComparedModes): string {
  const [before, after] = [criu.cpuSeconds[side], portkey.cpuSeconds[side]];
  if (before === null || after === null) return '';
  return (
    `On the ${side} host CRIU mode used ${formatCpu(before.total)} of CPU and Portkey mode ${formatCpu(after.total)}` +
    `${comparison(savingPercent(before.total, after.total))}; of that the transfer, without CRIU's restore, took ` +
    `${formatCpu(before.transfer)} and ${formatCpu(after.transfer)}${comparison(savingPercent(before.transfer, after.transfer))}.`
  );
}

function survivalSentence(migrations: readonly MigrationReport[]): string {
  if (migrations.some(({ verified }) => verified === null)) return '';
  const lost = migrations.filter(({ verified }) => verified === false);
  const broken = migrations.filter(({ connectionKept }) => connectionKept === false);
  const data =
    lost.length === 0
      ? 'Every acknowledged write was there afterwards'
      : `Data was lost in ${lost.map(({ mode }) => mode).join(' and ')} mode`;
  const connection =
    broken.length === 0
      ? 'the client kept its TCP connection'
      : `the client lost its TCP connection in ${broken.map(({ mode }) => mode).join(' and ')} mode`;
  return `${data}, and ${connection}.`;
}

function workloadText({ workload }: MigrationReport): string {
  if (workload === null) return '';
  const { name, memoryBytes, writeBytesPerSecond } = workload;
  return ` (${name} with ${formatBytes(memoryBytes)} of values, written to at ${formatBytes(writeBytesPerSecond)}/s)`;
}

function comparison(percent: number | undefined): string {
  if (percent === undefined) return '';
  return percent >= 0 ? `, ${percent.toFixed(0)} % less` : `, ${(-percent).toFixed(0)} % more`;
}

/** "−75 %" */
export function signedPercent(percent: number): string {
  const rounded = Math.round(percent);
  return `${rounded > 0 ? '+' : rounded < 0 ? '−' : '±'}${Math.abs(rounded)} %`;
}

const time = (seconds: number | null): string =>
  seconds === null ? 'an unknown time' : formatSeconds(seconds);
