/** docs/metrics.md against what the services have, and against what rules, alerts and dashboards ask for. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { projectFile } from '../../testbed/paths.js';
import { readMetricsDocument, type DocumentedLabel } from '../support/metrics-document.js';
import { metricsOf, serviceRegistries, type ServiceMetric } from '../support/service-metrics.js';

const documented = readMetricsDocument();
const common = 'All services';

/** The files beneath this folder of the project that are meant. */
function textsIn(folder: string, isMeant: (file: string) => boolean): string[] {
  const files = readdirSync(projectFile(folder), { recursive: true, encoding: 'utf8' }).filter(isMeant);
  return files.map((file) => readFileSync(path.join(projectFile(folder), file), 'utf8'));
}

function namesIn(texts: readonly string[], pattern: RegExp): string[] {
  const names = texts.flatMap((text) => [...text.matchAll(pattern)].map(([, name = '']) => name));
  return [...new Set(names)].sort();
}

/** The line of the document that is closest to this label of this metric. */
function lineOf(label: string, metric: string, service: string): DocumentedLabel | undefined {
  const lines = documented.labels.filter((line) => line.label === label);
  const own = lines.find(({ of }) => of.includes(`\`${metric}\``) || of === service);
  return own ?? lines.find(({ of }) => of === '');
}

describe('docs/metrics.md', () => {
  const services: { service: string; metrics: ServiceMetric[] }[] = [];

  before(async () => {
    for (const [service, registry] of Object.entries(serviceRegistries()))
      services.push({ service, metrics: await metricsOf(registry) });
  });

  it('has every metric of every service, with its type and labels, and no other', () => {
    const line = ({ name, type, labels }: Pick<ServiceMetric, 'name' | 'type' | 'labels'>): string =>
      `${name} ${type} {${labels.join(', ')}}`;
    for (const { service, metrics } of services) {
      const said = documented.metrics.filter(({ section }) => section === service || section === common);
      assert.deepEqual(said.map(line).sort(), metrics.map(line).sort(), service);
    }
    const sections = new Set(documented.metrics.map(({ section }) => section));
    assert.deepEqual([...sections].sort(), [common, ...services.map(({ service }) => service)].sort());
  });

  it('has every metric that is named in the code', () => {
    const isCode = (file: string): boolean => file.endsWith('.ts') && !file.endsWith('.test.ts');
    const texts = ['services', 'libraries'].flatMap((folder) => textsIn(folder, isCode));
    const names = documented.metrics.map(({ name }) => name);
    assert.deepEqual(namesIn(texts, /'(portkey_[a-z0-9_]+)'/g), [...new Set(names)].sort());
  });

  it('has units that the names end with, and counters that end with _total', () => {
    for (const { name, type, unit } of documented.metrics) {
      const base = name.replace(/_total$/, '');
      assert.equal(base !== name, type === 'counter', name);
      const end = /_(seconds|bytes|ratio|(pages|bytes)_per_second)$/.exec(base);
      const plain = ['seconds', 'bytes', 'ratio', 'pages per second', 'bytes per second'];
      if (end !== null || plain.includes(unit))
        assert.ok(base.endsWith(`_${unit.replaceAll(' ', '_')}`), `${name}: ${unit}`);
    }
  });

  it('has the values of every label that are there at the start, and no other', () => {
    const used = new Set<DocumentedLabel>();
    for (const { service, metrics } of services) {
      for (const { name, labels, values } of metrics) {
        for (const label of labels) {
          const line = lineOf(label, name, service);
          assert.ok(line !== undefined, `what ${label} of ${name} can be is not said`);
          used.add(line);
          const there = values.get(label);
          if (line.values === undefined || there === undefined) continue;
          assert.deepEqual([...there].sort(), [...line.values].sort(), `${label} of ${name}`);
        }
      }
    }
    const unused = documented.labels.filter((line) => !used.has(line));
    assert.deepEqual(unused, []);
  });

  it('has every rule and every alert, and no other', () => {
    const rules = textsIn('prometheus', (file) => file === 'rules.yml');
    const alerts = textsIn('prometheus', (file) => file === 'alerts.yml');
    assert.deepEqual([...documented.rules].sort(), namesIn(rules, /- record: (\S+)/g));
    assert.deepEqual([...documented.alerts].sort(), namesIn(alerts, /- alert: (\S+)/g));
  });

  it('has all that rules, alerts, their tests and dashboards ask for', () => {
    const texts = [
      ...textsIn('prometheus', (file) => file.endsWith('.yml')),
      ...textsIn('grafana', (file) => file.endsWith('.json')),
    ];
    const known = new Set([...documented.rules, ...documented.metrics.map(({ name }) => name)]);
    for (const { name, type } of documented.metrics)
      if (type === 'histogram') for (const part of ['bucket', 'sum', 'count']) known.add(`${name}_${part}`);
    const asked = namesIn(texts, /(?<![\w:])([a-z_]*:?portkey_[a-z0-9_:]+)/g);
    assert.ok(asked.length > 20, `only ${asked.length} names are asked for`);
    assert.deepEqual(
      asked.filter((name) => !known.has(name)),
      [],
    );
  });
});
