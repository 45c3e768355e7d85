/** Asks the real Prometheus everything that the dashboards and rules ask it. */
import assert from 'node:assert/strict';

import { formatTable } from '../../../cli/table.js';
import { panelExpressions, substitute } from '../../../grafana/source/expressions.js';
import { ask, rules, type Sample } from './prometheus.js';

/** Prints what each expression of a panel, annotation or variable gives now. Throws where one gives nothing. */
export async function askEveryExpression(): Promise<void> {
  const rows: string[][] = [];
  const silent: string[] = [];
  for (const { dashboard, kind, panel, legend, expr } of panelExpressions()) {
    const samples = await ask(substitute(expr));
    rows.push([dashboard, panel, legend, String(samples.length), sampleText(samples)]);
    // Annotations mark what happens now, and now nothing does.
    if (kind !== 'annotation' && !samples.some(({ value }) => Number.isFinite(value)))
      silent.push(`${dashboard}: ${panel}: ${expr}`);
  }
  const columns = ['dashboard', 'panel', 'legend', 'series', 'a sample'].map((title) => ({ title }));
  console.log(formatTable(columns, rows).replace(/^/gm, '    '));
  assert.deepEqual(silent, [], 'these say nothing');
}

/** Throws where a rule cannot be evaluated, or a recording rule gives nothing. Returns the names of alerts that fire. */
export async function askEveryRule(): Promise<string[]> {
  const firing: string[] = [];
  for (const { name, type, health, lastError, state } of await rules()) {
    assert.equal(health, 'ok', `${name}: ${lastError ?? ''}`);
    if (type === 'recording') assert.ok((await ask(name)).length > 0, `${name} has no series`);
    else if (state !== 'inactive') firing.push(name);
  }
  return firing;
}

function sampleText(samples: readonly Sample[]): string {
  const sample = samples.find(({ value }) => value > 0) ?? samples[0];
  if (sample === undefined) return '–';
  const labels = Object.entries(sample.labels).filter(([name]) => name !== '__name__' && name !== 'instance');
  return `${Number(sample.value.toPrecision(4))} ${labels.map(([name, value]) => `${name}=${value}`).join(' ')}`.trim();
}
