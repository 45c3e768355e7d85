import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { parse } from 'yaml';
import { z } from 'zod';

import { dashboardFiles } from './dashboards.js';
import { defaultValues } from './expressions.js';
import { prometheus } from './panels.js';

const project = path.join(import.meta.dirname, '../../..');
const text = (file: string): Promise<string> => readFile(path.join(project, file), 'utf8');

const dataSources = z.object({
  datasources: z.tuple([
    z.object({
      uid: z.string(),
      type: z.string(),
      url: z.string(),
      isDefault: z.boolean(),
      editable: z.boolean(),
      jsonData: z.object({ timeInterval: z.string() }),
    }),
  ]),
});
const providers = z.object({
  providers: z.tuple([
    z.object({
      folder: z.string(),
      disableDeletion: z.boolean(),
      allowUiUpdates: z.boolean(),
      options: z.object({ path: z.string() }),
    }),
  ]),
});
const scrapes = z.object({ global: z.object({ scrape_interval: z.string() }) });

describe("Grafana's provisioning", () => {
  it('has the data source that the dashboards ask', async () => {
    const { datasources } = dataSources.parse(
      parse(await text('grafana/provisioning/datasources/prometheus.yml')),
    );
    const [{ uid, type, url, isDefault, editable }] = datasources;
    assert.deepEqual({ uid, type }, prometheus);
    assert.deepEqual([url, isDefault, editable], ['${PORTKEY_PROMETHEUS_URL}', true, false]);
  });

  it('knows how often Prometheus looks', async () => {
    const { global } = scrapes.parse(parse(await text('prometheus/prometheus.yml')));
    const { datasources } = dataSources.parse(
      parse(await text('grafana/provisioning/datasources/prometheus.yml')),
    );
    assert.equal(datasources[0].jsonData.timeInterval, global.scrape_interval);
    const seconds = Number.parseInt(global.scrape_interval, 10);
    assert.equal(defaultValues.__rate_interval, `${4 * seconds}s`);
  });

  it('shows the dashboards at home, and lets nobody change them', async () => {
    const { providers: found } = providers.parse(
      parse(await text('grafana/provisioning/dashboards/portkey.yml')),
    );
    const [{ folder, disableDeletion, allowUiUpdates, options }] = found;
    assert.deepEqual([folder, disableDeletion, allowUiUpdates], ['Portkey', true, false]);
    const [, home] = /^default_home_dashboard_path = (.+)$/m.exec(await text('grafana/grafana.ini')) ?? [];
    assert.ok(home !== undefined && path.dirname(home) === options.path);
    assert.ok(dashboardFiles().has(path.basename(home)));
  });
});
