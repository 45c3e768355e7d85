/** What is observed, and what can be done, after parts of the test bed were started anew. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

import { eventually } from '../support/eventually.js';
import { cli, composeOk, services, untilHealth, up } from './support/bed.js';
import { askEveryExpression, askEveryRule } from './support/every-expression.js';
import { ask, total } from './support/prometheus.js';

const againMs = 120_000;
const settledMs = 12_000;

describe('a part that is started anew', function () {
  this.timeout(500_000);
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
    await untilHealth(service, 'healthy', againMs);
  };

  const migrate = async (mode: 'portkey' | 'criu'): Promise<void> => {
    const { outcome } = JSON.parse(await cli('migrate', 'shop', '--to', to, '--mode', mode, '--json')) as {
      outcome: string;
    };
    assert.equal(outcome, 'completed');
    to = to === 'vm-b' ? 'vm-a' : 'vm-b';
  };

  const completed = 'portkey_migrations_total{outcome="completed"}';

  it('is Prometheus: it has what it had, and goes on', async () => {
    await migrate('portkey');
    const beforeMs = Date.now();
    await eventually('Prometheus has looked', async () => (await total(`sum(${completed})`)) > 0, againMs);
    await restart('prometheus');
    await allTargetsUp();
    // Of the time before: nobody can tell it that any more.
    const kept = await ask(`sum(${completed})`, (beforeMs - 5_000) / 1_000);
    assert.equal(kept.length, 1, 'nothing is left of the time before');
  });

  it('is a relay: the new one counts what the next migration sends', async () => {
    await restart('relay-a');
    await allTargetsUp();
    const sends = 'portkey_hypercalls_total{vm="vm-a",type="send",direction="guest-to-host"}';
    await eventually('the new relay has counted nothing', async () => (await total(sends)) === 0, againMs);
    while (to !== 'vm-b') await migrate('portkey');
    await migrate('portkey');
    await eventually('it has counted', async () => (await total(sends)) > 0, againMs);
  });

  it('is a VM, with its relay: containers move there again', async () => {
    while (to !== 'vm-a') await migrate('portkey');
    await restart('vm-a');
    await allTargetsUp();
    await migrate('portkey');
    await migrate('portkey');
  });

  it('is the controller: it knows all migrations, and when each mode has had one, all is answered again', async () => {
    const known = async (): Promise<number> =>
      (JSON.parse(await cli('migrations', '--json')) as unknown[]).length;
    const before = await known();
    await restart('controller');
    assert.equal(await known(), before);
    await allTargetsUp();
    await migrate('portkey');
    await migrate('criu');
    const { ok } = JSON.parse(await cli('verify', 'shop', '--json')) as { ok: boolean };
    assert.ok(ok);
    await delay(settledMs);
    await askEveryExpression();
    await askEveryRule();
  });

  it('is not the bed, where a command is called with other settings', async () => {
    const ids = async (): Promise<string[]> => (await services()).map(({ id }) => id).sort();
    const before = await ids();
    await composeOk(['run', '--rm', '-T', 'cli', 'ps'], {
      env: { PORTKEY_VM_MEMORY: '768M', PORTKEY_VMS: '3' },
    });
    assert.deepEqual(await ids(), before);
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
