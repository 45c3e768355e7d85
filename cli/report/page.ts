/**
 * report.html: one file that opens from disk, without network and without scripts.
 *
 * It compares the last completed migration of each mode; every migration is in the table at the end. Where one of the
 * modes is missing there is nothing to compare, and the pictures show what there is.
 */
import { formatBytes, formatSeconds } from '../../libraries/units/index.js';
import { element, escapeText } from './charts/svg.js';
import { comparableModes, compareFigures, formatCount, formatCpu, type ComparedModes } from './comparison.js';
import {
  componentLegend,
  cpuByComponent,
  cpuByPhase,
  modeNames,
  pagesPerRound,
  phaseLegend,
  phaseTimeline,
} from './figures.js';
import type { MigrationReport } from './migration-report.js';
import type { ReportFile, TestbedFacts } from './report-file.js';
import { style } from './style.js';
import { headlines, sentences } from './summary.js';

export interface PageOptions {
  readonly title: string;
  /** Says in large letters that the figures are made up. */
  readonly sample?: boolean;
}

export function renderReport(report: ReportFile, options: PageOptions): string {
  const modes = comparableModes(report.migrations);
  const shown =
    modes === undefined
      ? report.migrations.filter(({ outcome }) => outcome === 'completed')
      : [modes.criu, modes.portkey];
  return renderPage(options, [
    lead(report, modes, options),
    ...(shown.length === 0 ? [] : pictures(shown)),
    modes === undefined ? '' : comparisonTable(modes),
    migrationTable(report.migrations),
  ]);
}

export function renderPage(options: PageOptions, body: readonly string[]): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeText(options.title)}</title>
<style>${style}</style>
</head>
<body>
${hatchPattern}
<main>
${body.filter((part) => part !== '').join('\n')}
</main>
</body>
</html>
`;
}

export function section(title: string, explanation: string, content: readonly string[]): string {
  return element('section', {}, [
    element('h2', {}, [escapeText(title)]),
    element('p', { class: 'quiet' }, [escapeText(explanation)]),
    ...content,
  ]);
}

export function htmlTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cell: string, cells: readonly string[]): string =>
    element(
      'tr',
      {},
      cells.map((content) => element(cell, {}, [escapeText(content)])),
    );
  const body = rows.map((cells) => row('td', cells));
  return element('div', { class: 'scroll' }, [
    element('table', {}, [element('thead', {}, [row('th', head)]), element('tbody', {}, body)]),
  ]);
}

function networkText(vhostNet: boolean | null): string {
  if (vhostNet === null) return '';
  return vhostNet ? ', network by vhost-net' : ', network by QEMU (no vhost-net)';
}

export function testbedLine(facts: TestbedFacts): string {
  const machine = facts.accel === 'kvm' ? 'with KVM' : `emulated by QEMU (${facts.accel})`;
  const network = networkText(facts.vhostNet);
  const streams = facts.streams === 1 ? '' : ` by ${facts.streams} streams`;
  return (
    `VMs with ${facts.cpus} CPUs and ${formatBytes(facts.vmMemoryBytes)}, ${machine}${network}, hosts joined at ${facts.link}${streams}; ` +
    `kernel ${facts.kernel}, CRIU ${facts.criu}, runc ${facts.runc}, QEMU ${facts.qemu}`
  );
}

function lead(report: ReportFile, modes: ComparedModes | undefined, options: PageOptions): string {
  return element('header', {}, [
    options.sample === true
      ? element('p', { class: 'sample' }, ['Sample data, made up: no measurement'])
      : '',
    element('h1', {}, [escapeText(options.title)]),
    element('p', { class: 'quiet' }, [escapeText(testbedLine(report.testbed))]),
    ...(modes === undefined
      ? []
      : [
          element(
            'div',
            { class: 'headline' },
            headlines(modes).map(({ figure, meaning }) =>
              element('div', {}, [
                element('b', {}, [escapeText(figure)]),
                element('span', {}, [escapeText(meaning)]),
              ]),
            ),
          ),
          element('p', { class: 'quiet' }, ['Portkey mode against CRIU mode, in this run.']),
          ...sentences(modes).map((sentence) => element('p', {}, [escapeText(sentence)])),
        ]),
  ]);
}

function pictures(shown: readonly MigrationReport[]): string[] {
  const modesShown = [...new Set(shown.map(({ mode }) => mode))];
  const modeLegend = modesShown.map((mode) => ({ key: mode, label: `${modeNames[mode]} mode` }));
  return [
    section(
      'CPU by component',
      "CPU that each host spent on the VM and its helpers from the first phase to the last, less an idle VM's share.",
      [legend(componentLegend), cpuByComponent(shown)],
    ),
    section('CPU by phase', "Pre-copy and final are the transfer; restore is CRIU's own work.", [
      legend(phaseLegend),
      cpuByPhase(shown),
    ]),
    section(
      'Pages per round',
      'The hatched column is the last round, sent while the container stands still.',
      [legend(modeLegend), pagesPerRound(shown)],
    ),
    section('Timeline', 'The bracket is the downtime: no task of the container runs.', [
      legend(phaseLegend),
      phaseTimeline(shown),
    ]),
  ];
}

function comparisonTable(modes: ComparedModes): string {
  const rows = compareFigures(modes).map(({ label, criu, portkey, saving }) => [
    label,
    criu,
    portkey,
    saving,
  ]);
  return section('Figures', 'One migration in each mode.', [
    htmlTable(['', 'CRIU', 'Portkey', 'Portkey takes'], rows),
  ]);
}

function migrationTable(migrations: readonly MigrationReport[]): string {
  const cpu = (seconds: number | undefined): string => (seconds === undefined ? '–' : formatCpu(seconds));
  const rows = migrations.map((report) => [
    `${report.container}, ${report.from} → ${report.to}`,
    report.mode,
    report.outcome ?? 'running',
    formatSeconds(report.totalSeconds),
    report.downtimeSeconds === null ? '–' : formatSeconds(report.downtimeSeconds),
    formatCount(report.pagesSent),
    cpu(report.cpuSeconds.source?.total),
    cpu(report.cpuSeconds.destination?.total),
  ]);
  return section('Every migration', 'In the order in which they ran.', [
    htmlTable(['', 'mode', 'outcome', 'total', 'downtime', 'pages', 'source CPU', 'destination CPU'], rows),
  ]);
}

export function legend(entries: readonly { readonly key: string; readonly label: string }[]): string {
  return element(
    'ul',
    { class: 'legend' },
    entries.map(({ key, label }) => `<li><i class="fill-${escapeText(key)}"></i>${escapeText(label)}</li>`),
  );
}

const hatchPattern =
  '<svg width="0" height="0" style="position:absolute" aria-hidden="true"><defs><pattern id="hatch" width="6" height="6" ' +
  'patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="3" height="6" style="fill:var(--hatch)"/>' +
  '</pattern></defs></svg>';
