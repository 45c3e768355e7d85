import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

import { dashboardFiles } from './dashboards.js';

const folder = path.join(import.meta.dirname, '../../../grafana/dashboards');

describe("the files of Grafana's dashboards", () => {
  it('are those that there is a source of', async () => {
    assert.deepEqual((await readdir(folder)).sort(), [...dashboardFiles().keys()].sort());
  });

  for (const [name, text] of dashboardFiles())
    it(`are as their source makes them: ${name}`, async () => {
      const committed = await readFile(path.join(folder, name), 'utf8');
      assert.ok(
        committed === text,
        `grafana/dashboards/${name} is outdated; make it anew: npm run dashboards`,
      );
    });
});
