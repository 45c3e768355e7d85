import assert from 'node:assert/strict';

import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import * as units from '@grafana/grafana-foundation-sdk/units';

import { dashboardModels } from './dashboards.js';
import { panelExpressions } from './expressions.js';
import { prometheus } from './panels.js';

const panelsOf = ({ panels = [] }: Dashboard): Panel[] =>
  panels.filter((panel): panel is Panel => panel.type !== 'row');
const isSentence = (text: string | undefined): boolean => /^[A-Zv].*\.$/s.test(text ?? '');

for (const [file, dashboard] of dashboardModels())
  describe(`the style of ${file}`, () => {
    const panels = panelsOf(dashboard);
    const expressions = panelExpressions().filter((one) => one.dashboard === dashboard.uid);

    it('names the dashboard, once and for all', () => {
      assert.equal(dashboard.uid, `portkey-${file.replace('.json', '')}`);
      assert.match(dashboard.title ?? '', /^Portkey: ./);
      assert.ok(isSentence(dashboard.description));
      assert.deepEqual(dashboard.tags, ['portkey']);
      assert.equal(dashboard.id, undefined);
    });

    it('shows the last minutes, in the time of whoever looks, anew by itself', () => {
      assert.equal(dashboard.refresh, '5s');
      assert.equal(dashboard.timezone, 'browser');
      assert.deepEqual(dashboard.time, { from: 'now-15m', to: 'now' });
      assert.equal(dashboard.editable, false);
    });

    it('leads to the other dashboards', () => {
      const [link, ...others] = dashboard.links ?? [];
      assert.deepEqual(others, []);
      assert.deepEqual([link?.type, link?.tags, link?.placement], ['dashboards', dashboard.tags, undefined]);
      assert.ok(link?.keepTime === true && link.includeVars);
    });

    it('has the variables mode and host, and uses both', () => {
      const variables = dashboard.templating.list ?? [];
      assert.deepEqual(
        variables.map(({ name }) => name),
        ['mode', 'host'],
      );
      for (const { name, description, datasource, includeAll, multi } of variables) {
        assert.ok(isSentence(description), name);
        assert.deepEqual([datasource, includeAll, multi], [prometheus, true, true]);
        const used = expressions.filter(
          ({ kind, expr }) => kind === 'panel' && expr.includes(`=~"$${name}"`),
        );
        assert.notEqual(used.length, 0, name);
      }
    });

    it('says of each panel what it shows, and in which unit', () => {
      const known = new Set<unknown>(Object.values(units));
      for (const { title = '', description, fieldConfig } of panels) {
        assert.match(title, /^[A-Z]/);
        assert.ok(isSentence(description), `description of ${title}`);
        assert.ok(known.has(fieldConfig?.defaults.unit), `unit of ${title}`);
        assert.ok(fieldConfig?.defaults.noValue, `what ${title} shows while there is nothing`);
        // Grafana has some of its own otherwise, with red above 80.
        assert.ok(fieldConfig.defaults.thresholds, `thresholds of ${title}`);
      }
    });

    it('gives each panel a title and an id of its own', () => {
      for (const key of ['title', 'id'] as const) {
        const values = panels.map((panel) => panel[key]);
        assert.deepEqual([...new Set(values)], values);
        assert.ok(!values.includes(undefined));
      }
    });

    it('asks the provisioned data source only', () => {
      const sources = [
        ...panels.flatMap((panel) => [panel, ...(panel.targets ?? [])]),
        ...(dashboard.annotations.list ?? []),
      ].map((one) => ('datasource' in one ? one.datasource : undefined));
      for (const source of sources) assert.deepEqual(source, prometheus);
    });

    it('gives each series a name', () => {
      for (const { panel, legend } of expressions) assert.notEqual(legend, '', panel);
      for (const { title, targets = [] } of panels) {
        const ids = targets.map((target) => ('refId' in target ? target.refId : undefined));
        assert.deepEqual([...new Set(ids)], ids, title);
        assert.notEqual(ids.length, 0, title);
      }
    });

    it('takes rates over the interval that Grafana chooses, and quantiles over buckets summed up', () => {
      for (const { panel, expr, kind } of expressions) {
        if (kind !== 'panel') continue;
        assert.doesNotMatch(expr, /\b(rate|increase|irate)\((?!\w+\{[^}]*\}\[\$__rate_interval\]\))/, panel);
        assert.doesNotMatch(expr, /histogram_quantile\([\d.]+, (?!sum by \(le, )/, panel);
      }
    });

    it('marks the phases of migrations', () => {
      const marks = (dashboard.annotations.list ?? []).filter(({ enable }) => enable);
      assert.deepEqual(
        marks.map(({ name }) => name),
        ['Pre-copy', 'Frozen', 'Committed', 'Rolling back', 'Ended'],
      );
    });
  });
