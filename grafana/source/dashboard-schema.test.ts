import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { dashboardFiles } from './dashboards.js';
import { dashboardValidator, type Validator } from './dashboard-schema.js';

const project = path.join(import.meta.dirname, '../../..');

describe("the dashboards, by Grafana's published schema", function () {
  this.timeout(60_000);
  let problems: Validator;
  before(() => {
    problems = dashboardValidator(project);
  });

  const parsed = async (name: string): Promise<unknown> =>
    JSON.parse(await readFile(path.join(project, 'grafana/dashboards', name), 'utf8'));

  for (const name of dashboardFiles().keys())
    it(`are valid: ${name}`, async () => {
      assert.deepEqual(problems(await parsed(name)), []);
    });

  const stat = '"graphMode": "none"';
  const mutations = [
    { what: 'an unknown property of the dashboard', from: '"editable"', to: '"editible"' },
    { what: 'an unknown property of a panel', from: '"gridPos"', to: '"gridPosition"' },
    { what: 'an option that a kind of panel does not have', from: stat, to: `${stat}, "showHeader": true` },
    { what: 'a value that an option does not have', from: stat, to: '"graphMode": "pie"' },
    {
      what: 'settings of a field that a kind of panel has none of',
      from: '"noValue"',
      to: '"custom": { "lineWidth": 1 }, "noValue"',
    },
    { what: "a field's unknown setting", from: '"fillOpacity"', to: '"fillOpaqueness"' },
    { what: "a field's setting of the wrong type", from: '"fillOpacity": 10', to: '"fillOpacity": "10"' },
    { what: 'an unknown property of a query', from: '"legendFormat"', to: '"legend"' },
    { what: 'a query without an expression', from: '"expr": "max(', to: '"hide": true, "query": "max(' },
    { what: 'an unknown kind of panel', from: '"type": "stat"', to: '"type": "singlestat"' },
    { what: 'an unknown step of a transformation', from: '"groupingToMatrix"', to: '"groupingToMatrx"' },
    { what: "a variable's unknown property", from: '"includeAll"', to: '"includeAny"' },
    { what: "an annotation's unknown property", from: '"iconColor"', to: '"iconColour"' },
    { what: 'a threshold without a colour', from: '"color": "text"', to: '"colour": "text"' },
  ];
  for (const { what, from, to } of mutations)
    it(`are refused with ${what}`, () => {
      const text = dashboardFiles().get('migrations.json') ?? '';
      assert.ok(text.includes(from), `nothing to change: ${from}`);
      assert.notDeepEqual(problems(JSON.parse(text.replace(from, to))), []);
    });
});
