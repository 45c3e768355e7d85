/** bench.html: the experiment as pictures and tables, in one file that opens from disk, without network or scripts. */
import { element, escapeText } from '../report/charts/svg.js';
import { componentLegend } from '../report/figures.js';
import { htmlTable, legend, renderPage, section, testbedLine } from '../report/page.js';
import { barsNote } from './bars.js';
import type { BenchFile } from './bench-file.js';
import {
  cpuAgainstSize,
  hypercallLines,
  hypercallsAgainstSize,
  pagesPerRound,
  relayBars,
  timesAgainstWriteRate,
  wholeVmLegend,
  type TitledPicture,
} from './figures.js';
import { growthWithSize } from './growth-figure.js';
import { growthTable } from './growth-table.js';
import { headlineOf } from './headline.js';
import { barsTable, medianTables, savingsTable, wholeVmTable } from './tables.js';
import type { TextTable } from './text-table.js';
import { vmMemoryTable } from './vm-memory-table.js';
import { vmStepsNote, vmStepsTables } from './vm-steps-table.js';
import { vmUsesTable } from './vm-uses-table.js';

const title = 'The experiment: CRIU and Portkey mode over sizes and write rates';
const savingsText =
  'How much less Portkey mode took than CRIU mode: the median of the pairs, minimum and maximum. Hypercalls, and the ' +
  'relays’ CPU against the floor, are Portkey mode’s own.';
const vmUsesText =
  'Medians in seconds until the container runs at its destination. Scan and hypercalls are parts of what the source’s agent ' +
  'used (in CRIU mode it scans to count dirty pages). runc and the CRIU that it starts are told together. The rest of a VM is its kernel, its network and the ' +
  'container itself: what the host saw, less what the agent says it and its programs used by the VM’s own clock.';
const wholeVmText =
  'QEMU’s own live migration of a VM like the test bed’s, with the same Redis in it under the same client, but no runc ' +
  'around it; idle CPU is taken off as for the modes. Emulated by a QEMU before 9.0, the VM is stopped from outside, so ' +
  'its downtime is longer than QEMU’s own would be. How Portkey mode compares, median against median:';
const growthText =
  'CPU of the transfer of idle containers, medians; whiskers are minimum and maximum. The line is that of least squares: ' +
  'a fixed part and a part for each GiB. Its largest deviation is in per cent of what grows (the largest size’s median ' +
  'without the fixed part), and so is how far that median lies above what a line through the other sizes foretells.';
const vmMemoryText =
  'The same containers in VMs of several memories, one test bed after the other; all else on this page is of the first. ' +
  'CPU of the transfer.';
const barsText = `What the hypercall path has to reach, as far as this run can say it. ${barsNote}`;
const modeLegend = [
  { key: 'criu', label: 'CRIU mode' },
  { key: 'portkey', label: 'Portkey mode' },
];
const hostLegend = [
  { key: 'source', label: 'source host' },
  { key: 'destination', label: 'destination host' },
];

/** `sample` says in large letters that the figures are made up. */
export function renderBench(file: BenchFile, { sample = false } = {}): string {
  const { statistics, migrations } = file;
  const measured = statistics.modes.length > 0;
  const savings = savingsTable(statistics);
  const vmUses = vmUsesTable(statistics.modes);
  const vmSteps = vmStepsTables(statistics.modes);
  const wholeVm = wholeVmTable(statistics);
  const growth = growthTable(statistics.growth);
  const vmMemory = vmMemoryTable(statistics.vmMemory);
  const bars = barsTable(file);
  return renderPage({ title }, [
    lead(file, sample),
    ...(measured ? pictures(file) : []),
    savings === undefined ? '' : section('Savings', savingsText, [tableOf(savings, 4)]),
    vmUses === undefined ? '' : section('CPU of the VMs, by what used it', vmUsesText, [tableOf(vmUses)]),
    vmSteps.length === 0
      ? ''
      : section('CPU of the VMs, step by step', vmStepsNote, titledTables(vmSteps, 4)),
    wholeVm === undefined ? '' : section('Whole-VM migration', wholeVmText, [tableOf(wholeVm)]),
    growth === undefined
      ? ''
      : section('Growth with size', growthText, [
          legend(modeLegend),
          multiples(growthWithSize(statistics.growth, statistics.modes)),
          tableOf(growth),
        ]),
    vmMemory === undefined ? '' : section('VMs of several memories', vmMemoryText, [tableOf(vmMemory)]),
    bars === undefined ? '' : section('Bars', barsText, [tableOf(bars)]),
    measured
      ? section(
          'Medians',
          'Over the completed and verified migrations of each size, write rate and mode.',
          titledTables(medianTables(statistics)),
        )
      : element('p', {}, [
          escapeText(`Of ${migrations.length} migrations none counts, so there is nothing to compare.`),
        ]),
  ]);
}

function lead(file: BenchFile, sample: boolean): string {
  const headline = headlineOf(file.statistics);
  return element('header', {}, [
    sample ? element('p', { class: 'sample' }, ['Sample data, made up: no measurement']) : '',
    element('h1', {}, [escapeText(title)]),
    element('p', { class: 'quiet' }, [escapeText(testbedLine(file.testbed))]),
    ...(headline === undefined
      ? []
      : [
          element(
            'div',
            { class: 'headline' },
            headline.figures.map(({ figure, meaning }) =>
              element('div', {}, [
                element('b', {}, [escapeText(figure)]),
                element('span', {}, [escapeText(meaning)]),
              ]),
            ),
          ),
          element('p', { class: 'quiet' }, [escapeText(headline.explanation)]),
        ]),
  ]);
}

function pictures({ statistics, migrations }: BenchFile): string[] {
  const { modes, relay, wholeVm } = statistics;
  const timesLegend = wholeVm.length === 0 ? modeLegend : [...modeLegend, wholeVmLegend];
  const components = 'Medians by component; an idle VM’s share is taken off.';
  const hypercalls = hypercallLines(modes);
  return [
    section('CPU of the source host', components, [
      legend(componentLegend),
      cpuAgainstSize(modes, wholeVm, 'source'),
    ]),
    section('CPU of the destination host', components, [
      legend(componentLegend),
      cpuAgainstSize(modes, wholeVm, 'destination'),
    ]),
    relay.length === 0
      ? ''
      : section(
          'The relays against the floor',
          'CPU per GiB that landed, without zero pages. The floor is sendfile from tmpfs and recv into tmpfs over the same link: what a minimal program takes, and no lower bound.',
          [legend(hostLegend), relayBars(relay)],
        ),
    relay.length === 0
      ? ''
      : section(
          'Hypercalls',
          'Portkey mode, by size. Both axes are logarithmic; whiskers are minimum and maximum.',
          [legend(hypercalls), hypercallsAgainstSize(modes)],
        ),
    section('Downtime and total time', 'Medians; whiskers are minimum and maximum.', [
      legend(timesLegend),
      multiples(timesAgainstWriteRate(modes, wholeVm)),
    ]),
    section(
      'Pages per round',
      'Of the median migration by total time; the last round is the frozen one. The vertical axis is logarithmic.',
      [legend(modeLegend), multiples(pagesPerRound(migrations))],
    ),
  ];
}

function multiples(pictures: readonly TitledPicture[]): string {
  return element(
    'div',
    { class: 'multiples' },
    pictures.map(({ title: heading, picture }) =>
      element('figure', {}, [element('figcaption', {}, [escapeText(heading)]), picture]),
    ),
  );
}

function titledTables(tables: readonly TextTable[], atMost = Infinity): string[] {
  return tables.flatMap((table) => [element('h3', {}, [escapeText(table.title)]), tableOf(table, atMost)]);
}

/** With at most so many columns of figures; the others follow below. */
function tableOf({ head, rows }: TextTable, atMost = Infinity): string {
  const [first = '', ...rest] = head;
  const parts: string[] = [];
  for (let from = 0; from < rest.length; from += atMost) {
    const some = (cells: readonly string[]): string[] => cells.slice(from, from + atMost);
    const body = rows.map(([name = '', ...cells]) => [name, ...some(cells)]);
    parts.push(htmlTable([first, ...some(rest)], body));
  }
  return element('div', { class: 'compact' }, parts);
}
