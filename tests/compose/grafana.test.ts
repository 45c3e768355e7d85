/** Grafana itself, where its image can be had: what it made of its provisioning, as somebody sees it who has just opened it. */
import assert from 'node:assert/strict';

import { z } from 'zod';

import { panelExpressions, substitute } from '../../grafana/source/expressions.js';
import { skip } from '../support/skip.js';
import { hasGrafana, up } from './support/bed.js';

const address = `http://127.0.0.1:${process.env.PORTKEY_GRAFANA_PORT ?? '3000'}`;
const dashboards = ['portkey-cpu', 'portkey-hypercalls', 'portkey-migrations'];

describe('Grafana', function () {
  this.timeout(300_000);

  before(async function () {
    if (!(await hasGrafana())) skip(this, 'its image cannot be pulled here');
    assert.equal((await up()).exitCode, 0);
  });

  async function get(path: string): Promise<unknown> {
    const response = await fetch(`${address}${path}`, { signal: AbortSignal.timeout(10_000) });
    assert.equal(response.status, 200, path);
    return response.json();
  }

  it('shows the three dashboards to anybody, Migrations first', async () => {
    const found = z.array(z.object({ uid: z.string() })).parse(await get('/api/search?type=dash-db'));
    assert.deepEqual(found.map(({ uid }) => uid).sort(), dashboards);
    const home = z
      .object({ dashboard: z.object({ uid: z.string() }) })
      .parse(await get('/api/dashboards/home'));
    assert.equal(home.dashboard.uid, 'portkey-migrations');
  });

  it('lets nobody change them', async () => {
    const response = await fetch(`${address}/api/dashboards/db`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ dashboard: { title: 'another' } }),
    });
    assert.ok([401, 403].includes(response.status), String(response.status));
  });

  it('asks Prometheus through its data source', async () => {
    const [first] = panelExpressions();
    assert.ok(first);
    const response = await fetch(`${address}/api/ds/query`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        from: 'now-5m',
        to: 'now',
        queries: [
          {
            refId: 'A',
            datasource: { type: 'prometheus', uid: 'portkey-prometheus' },
            expr: substitute(first.expr),
            instant: true,
          },
        ],
      }),
    });
    assert.equal(response.status, 200, await response.text());
  });
});
