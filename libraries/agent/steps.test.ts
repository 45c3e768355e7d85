import assert from 'node:assert/strict';

import { Registry } from 'prom-client';

import { Steps } from './index.js';

describe("an agent's steps", () => {
  it('are logged with their migration and figures, and counted without', async () => {
    const lines: unknown[] = [];
    const registry = new Registry();
    const steps = new Steps(
      { info: (fields: object, message: string) => lines.push({ ...fields, message }) } as never,
      registry,
    );
    const migration = { migrationId: 'm-1', container: 'web', epoch: 2 };
    const frozen = { taskCount: 3, seconds: 0.1 };
    const freeze = steps.run(
      'freeze',
      migration,
      () => Promise.resolve(frozen),
      ({ taskCount }) => ({ taskCount }),
    );
    assert.equal(await freeze, frozen);
    for (let time = 0; time < 2; time += 1) await steps.run('rollback', migration, () => Promise.resolve());
    await assert.rejects(
      steps.run('dump', migration, () => Promise.reject(new Error('no CRIU'))),
      /no CRIU/,
    );
    assert.deepEqual(lines, [
      { ...migration, taskCount: 3, message: 'freeze' },
      { ...migration, message: 'rollback' },
      { ...migration, message: 'rollback' },
    ]);
    const text = await registry.metrics();
    assert.match(text, /^portkey_migration_steps_total\{step="freeze"\} 1$/m);
    assert.match(text, /^portkey_migration_steps_total\{step="rollback"\} 2$/m);
    assert.doesNotMatch(text, /step="dump"/);
  });
});
