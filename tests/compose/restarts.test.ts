/** What is observed, and what can be done, after parts of the test bed were started anew. */
import assert from 'node:assert/strict';

import { eventually } from '../support/eventually.js';
import { cli, composeOk, services, up } from './support/bed.js';
import { ask, total } from './support/prometheus.js';

const againMs = 90_000;

describe('a part that is started anew', function () {
  this.timeout(400_000);
  let to = 'vm-b';

  before(async () => {
    assert.equal((await up()).exitCode, 0);
    await cli('run', 'vm-a', 'shop', '--workload', 'redis', '--size', '16M', '--write-rate', '256K');
  });

  after(async () => {
    await cli('stop', 'shop');
  });

  const restart = async (service: string): Promise<void> => {
    await composeOk(['restart', service]);
    await eventually(
      `${service} is healthy`,
      async () => (await services()).find((found) => found.service === service)?.health === 'healthy',
      againMs,
    );
  };

  const migrate = async (): Promise<void> => {
    const { outcome } = JSON.parse(await cli('migrate', 'shop', '--to', to, '--json')) as { outcome: string };
    assert.equal(outcome, 'completed');
    to = to === 'vm-b' ? 'vm-a' : 'vm-b';
  };

  const completed = 'portkey_migrations_total{outcome="completed"}';

  it('is Prometheus: it has what it had, and goes on', async () => {
    await migrate();
    const [before] = await eventually('counted', async () => {
      const samples = await ask(`sum(${completed})`);
      return (samples[0]?.value ?? 0) > 0 && samples;
    });
    await restart('prometheus');
    const kept = await eventually(
      'its data',
      async () => {
        const seen = await total(`max_over_time(sum(${completed})[10m:5s])`);
        return seen > 0 && seen;
      },
      againMs,
    );
    assert.ok(kept >= (before?.value ?? Infinity));
    await allTargetsUp();
  });

  it('is a relay: the next migration is counted by the new one', async () => {
    await restart('relay-a');
    await allTargetsUp();
    await migrate();
    await eventually(
      'the new relay has counted',
      async () => (await total('portkey_hypercalls_total{host="host-a"}')) > 0,
      againMs,
    );
  });

  it('is the controller: it knows all migrations, and does another one', async () => {
    const known = async (): Promise<number> =>
      (JSON.parse(await cli('migrations', '--json')) as unknown[]).length;
    const before = await known();
    await restart('controller');
    assert.equal(await known(), before);
    await allTargetsUp();
    await migrate();
    const { ok } = JSON.parse(await cli('verify', 'shop', '--json')) as { ok: boolean };
    assert.ok(ok);
    await eventually('the new controller has counted', async () => (await total(completed)) > 0, againMs);
  });

  async function allTargetsUp(): Promise<void> {
    await eventually(
      'Prometheus reaches all services',
      async () => {
        const targets = await ask('up');
        return targets.length >= 8 && targets.every(({ value }) => value === 1);
      },
      againMs,
    );
  }
});
