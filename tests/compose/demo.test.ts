/** The demonstration moves a container to and fro, in both modes, until it is told to end, and then it is gone. */
import assert from 'node:assert/strict';

import { eventually } from '../support/eventually.js';
import { cli, composeOk, logs, seldom, up } from './support/bed.js';

const bothModesMs = 240_000;

describe('the demonstration', function () {
  this.timeout(500_000);

  before(async () => {
    assert.equal((await up()).exitCode, 0);
  });

  it('migrates to and fro in both modes, and leaves nothing', async () => {
    const env = { PORTKEY_DEMO_SIZE: '16M', PORTKEY_DEMO_WRITE_RATE: '256K', PORTKEY_DEMO_PAUSE: '100ms' };
    await composeOk(['--profile', 'demo', 'up', '--detach', '--no-build', 'demo'], { env });
    const lines = await eventually(
      'a migration in CRIU mode after those in Portkey mode',
      seldom(async () => {
        const seen = await logs('demo');
        return seen.some((line) => line.startsWith('criu: ')) && seen;
      }),
      bothModesMs,
    );
    const migrations = lines.filter((line) => /^(portkey|criu): /.test(line));
    assert.match(
      migrations[0] ?? '',
      /^portkey: demo from vm-a to vm-b, completed in [\d.]+ s, \d+ ms of downtime$/,
    );
    assert.match(migrations[1] ?? '', /^portkey: demo from vm-b to vm-a, completed/);
    assert.match(migrations[2] ?? '', /^criu: demo from vm-a to vm-b, completed/);
    await composeOk(['--profile', 'demo', 'stop', 'demo']);
    const left = JSON.parse(await cli('ps', '--json')) as { name: string }[];
    assert.deepEqual(
      left.filter(({ name }) => name === 'demo'),
      [],
    );
  });
});
