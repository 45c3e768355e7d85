import assert from 'node:assert/strict';
import path from 'node:path';

import { panelExpressions, substitute } from './expressions.js';
import { metricNames } from './promql.js';
import { registeredSeries } from './registered-metrics.js';
import { prometheusRules } from './rule-files.js';

const project = path.join(import.meta.dirname, '../../..');

/** Prometheus' own. */
const builtIn = ['up'];

describe('the metrics that dashboards, rules and alerts ask for', () => {
  const rules = prometheusRules(project);
  const recorded = rules.filter(({ isRecorded }) => isRecorded).map(({ name }) => name);
  const registered = registeredSeries(project);
  const unknown = (expr: string): string[] =>
    [...metricNames(expr)].filter((name) => ![...builtIn, ...recorded, ...registered].includes(name));

  for (const { dashboard, kind, panel, legend, expr } of panelExpressions())
    it(`exist: ${dashboard}, ${kind} "${panel}", "${legend}"`, () => {
      assert.deepEqual(unknown(substitute(expr)), []);
    });

  for (const { name, expr } of rules)
    it(`exist: ${name}`, () => {
      assert.deepEqual(unknown(expr), []);
    });

  it('are found missing where they are', () => {
    assert.deepEqual(unknown('sum(portkey_migrations_total) / portkey_migratoins_total'), [
      'portkey_migratoins_total',
    ]);
    // A histogram has no series of its own name.
    assert.deepEqual(unknown('portkey_precopy_remaining_pages'), ['portkey_precopy_remaining_pages']);
  });

  it('are recorded under names of level, metric and operation', () => {
    assert.ok(recorded.length > 0);
    // The first part is left out of what has no label.
    for (const name of recorded) assert.match(name, /^([a-z_]+:)?portkey_[a-z_]+(:[a-z0-9]+)?$/);
  });
});
