/** bench.html: the medians of the experiment, as pictures and as a table. */
import { formatBytes, formatSeconds } from '../../libraries/units/index.js';
import { element, escapeText } from '../report/charts/svg.js';
import { stackedBars, type BarGroup } from '../report/charts/stacked-bars.js';
import { formatCount, formatCpu } from '../report/comparison.js';
import { modeNames, phaseLegend } from '../report/figures.js';
import { htmlTable, legend, renderPage, section, testbedLine } from '../report/page.js';
import type { ReportFile } from '../report/report-file.js';
import { mediansOf, type Cell, type CpuMedians, type Medians } from './matrix.js';

const title = 'The experiment: CRIU and Portkey mode over sizes and write rates';

export function renderBench(report: ReportFile): string {
  const medians = mediansOf(report.migrations);
  const header = element('header', {}, [
    element('h1', {}, [escapeText(title)]),
    element('p', { class: 'quiet' }, [escapeText(testbedLine(report.testbed))]),
  ]);
  return renderPage({ title }, [
    header,
    ...(medians.length === 0
      ? []
      : [
          cpuSection('Source host', medians, (row) => row.source),
          cpuSection('Destination host', medians, (row) => row.destination),
        ]),
    section('Medians', 'Over the completed and verified migrations of each size, write rate and mode.', [
      htmlTable(
        medianColumns.map(({ title: head }) => head),
        medianRows(medians),
      ),
    ]),
  ]);
}

function cpuSection(host: string, medians: readonly Medians[], cpuOf: (row: Medians) => CpuMedians): string {
  const groups = [...new Set(medians.map(cellText))].map((cell): BarGroup => {
    const rows = medians
      .filter((row) => cellText(row) === cell)
      .map((row) => {
        const { total, byPhase } = cpuOf(row);
        const segments = phaseLegend.map(({ key, label }) => ({
          key,
          label,
          value: Math.max(0, byPhase[key]),
        }));
        return { label: modeNames[row.mode], segments, total: formatCpu(total) };
      });
    return { title: cell, rows };
  });
  return section(`CPU of the ${host.toLowerCase()}`, "Medians; an idle VM's share is taken off.", [
    legend(phaseLegend),
    stackedBars(groups, 'CPU seconds', `CPU seconds of the ${host.toLowerCase()} by phase`),
  ]);
}

const cellText = ({ memoryBytes, writeBytesPerSecond }: Cell): string =>
  `${formatBytes(memoryBytes)}, ${formatBytes(writeBytesPerSecond)}/s`;

interface MedianColumn {
  readonly title: string;
  readonly of: (row: Medians) => string;
}

export const medianColumns: readonly MedianColumn[] = [
  { title: 'size, writes', of: cellText },
  { title: 'mode', of: ({ mode }) => mode },
  { title: 'runs', of: ({ count }) => String(count) },
  { title: 'total', of: ({ totalSeconds }) => formatSeconds(totalSeconds) },
  { title: 'downtime', of: ({ downtimeSeconds }) => formatSeconds(downtimeSeconds) },
  { title: 'client pause', of: ({ clientPauseSeconds }) => formatSeconds(clientPauseSeconds) },
  { title: 'pages', of: ({ pagesSent }) => formatCount(pagesSent) },
  { title: 'hypercalls', of: ({ hypercalls }) => formatCount(hypercalls) },
  { title: 'source CPU', of: ({ source }) => formatCpu(source.total) },
  { title: 'of it transfer', of: ({ source }) => formatCpu(source.transfer) },
  { title: 'destination CPU', of: ({ destination }) => formatCpu(destination.total) },
  { title: 'of it transfer', of: ({ destination }) => formatCpu(destination.transfer) },
];

export function medianRows(medians: readonly Medians[]): string[][] {
  return medians.map((row) => medianColumns.map(({ of }) => of(row)));
}
