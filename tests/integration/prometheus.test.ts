/** What Prometheus' own promtool says of the metrics of every service, and of rules, alerts and configuration. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { projectFile } from '../../testbed/paths.js';
import { promtool } from '../support/promtool.js';
import { serviceRegistries } from '../support/service-metrics.js';

/** Where its files are in the container that Prometheus runs in. */
const installed = '/etc/prometheus/';

function content(file: string): string {
  return readFileSync(projectFile(`prometheus/${file}`), 'utf8');
}

function namesIn(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, name = '']) => name);
}

describe("Prometheus' promtool", function () {
  this.timeout(60_000);

  for (const [service, registry] of Object.entries(serviceRegistries())) {
    it(`has no objections to the metrics: ${service}`, async () => {
      const text = await registry.metrics();
      assert.ok(text.includes('portkey_build_info{'));
      assert.deepEqual(promtool(['check', 'metrics'], text), { status: 0, output: '' });
    });
  }

  it('objects to metrics that do not keep to the rules', () => {
    const misnamed = '# HELP trips Trips.\n# TYPE trips counter\ntrips 1\n';
    const { status, output } = promtool(['check', 'metrics'], misnamed);
    assert.notEqual(status, 0);
    assert.match(output, /_total/);
  });

  it('can read the configuration, its rules and alerts', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'portkey-prometheus-'));
    try {
      for (const file of readdirSync(projectFile('prometheus')).filter((name) => name.endsWith('.yml')))
        writeFileSync(path.join(folder, file), content(file).replaceAll(installed, `${folder}/`));
      const { status, output } = promtool(['check', 'config', path.join(folder, 'prometheus.yml')]);
      assert.equal(status, 0, output);
      const rules = promtool([
        'check',
        'rules',
        ...['rules.yml', 'alerts.yml'].map((file) => path.join(folder, file)),
      ]);
      assert.equal(rules.status, 0, rules.output);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('finds that rules and alerts say what they are meant to', () => {
    const { status, output } = promtool(['test', 'rules', projectFile('prometheus/tests.yml')]);
    assert.equal(status, 0, output);
    assert.match(output, /SUCCESS/);
  });
});

describe("Prometheus' rules and alerts", () => {
  const tests = content('tests.yml');

  it('have a test each', () => {
    const records = namesIn(content('rules.yml'), /^\s*- record: (\S+)$/gm);
    assert.ok(records.length > 0);
    const expressions = namesIn(tests, /\bexpr: '?([^\n]*)/g).flatMap((text) => text.match(/[\w:]+/g) ?? []);
    assert.deepEqual(
      records.filter((name) => !expressions.includes(name)),
      [],
    );
    const alerts = namesIn(content('alerts.yml'), /^\s*- alert: (\S+)$/gm);
    assert.ok(alerts.length > 0);
    // Both that it fires and that it does not.
    const silent = namesIn(tests, /alertname: (\w+), [^\n]*exp_alerts: \[\]/g);
    const firing = namesIn(tests, /alertname: (\w+)\n\s+eval_time: \w+\n\s+exp_alerts:\n/g);
    for (const name of alerts) assert.ok(silent.includes(name) && firing.includes(name), name);
  });

  it('have each alert in what there is to do', () => {
    const operations = readFileSync(projectFile('docs/operations.md'), 'utf8');
    const alerts = namesIn(content('alerts.yml'), /^\s*- alert: (\S+)$/gm);
    assert.deepEqual(
      alerts.filter((name) => !operations.includes(`\`${name}\``)),
      [],
    );
  });
});
