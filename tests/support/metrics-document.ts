/**
 * docs/metrics.md as tables: each line of a table that begins with a name in backticks, with the title that it stands under.
 */
import { readFileSync } from 'node:fs';

import { projectFile } from '../../testbed/paths.js';

interface Row {
  readonly section: string;
  readonly cells: readonly string[];
}

export interface DocumentedMetric {
  readonly section: string;
  readonly name: string;
  readonly type: string;
  readonly unit: string;
  readonly labels: readonly string[];
}

export interface DocumentedLabel {
  readonly label: string;
  /** Metrics, or the section, that this is said of; empty for all that have the label. */
  readonly of: string;
  /** Undefined where they are described. */
  readonly values: readonly string[] | undefined;
}

export interface MetricsDocument {
  readonly metrics: readonly DocumentedMetric[];
  readonly labels: readonly DocumentedLabel[];
  readonly rules: readonly string[];
  readonly alerts: readonly string[];
}

export function readMetricsDocument(): MetricsDocument {
  const rows = rowsOf(readFileSync(projectFile('docs/metrics.md'), 'utf8'));
  const inSection = (title: string): Row[] => rows.filter(({ section }) => section === title);
  const [labels, named] = [inSection('Labels'), inSection('Rules and alerts')];
  const names = named.map(({ cells: [name = ''] }) => unquoted(name));
  return {
    metrics: rows
      .filter(({ cells }) => cells.length === 5)
      .map(({ section, cells: [name = '', type = '', unit = '', ofIt = ''] }) => ({
        ...{ section, name: unquoted(name), type, unit, labels: quotedIn(ofIt) },
      })),
    labels: labels.map(({ cells: [label = '', of = '', values = ''] }) => ({
      ...{ label: unquoted(label), of },
      values: values.startsWith('`') ? quotedIn(values) : undefined,
    })),
    rules: names.filter((name) => name.includes(':')),
    alerts: names.filter((name) => !name.includes(':')),
  };
}

function rowsOf(markdown: string): Row[] {
  let section = '';
  return markdown.split('\n').flatMap((line) => {
    section = /^## (.*)$/.exec(line)?.[1] ?? section;
    if (!line.startsWith('| `')) return [];
    const cells = line.slice(1, -1).split('|');
    return [{ section, cells: cells.map((cell) => cell.trim()) }];
  });
}

function unquoted(cell: string): string {
  return cell.replaceAll('`', '');
}

function quotedIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]*)`/g)].map(([, quoted = '']) => quoted);
}
