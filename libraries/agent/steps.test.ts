import assert from 'node:assert/strict';

import { Registry } from 'prom-client';

import { runCommand } from '../process/index.js';
import { agentCpuMeter, childTicks, cpuSince } from './cpu-meter.js';
import { Steps } from './index.js';

describe("an agent's steps", () => {
  it('are logged with their migration and figures, and counted without', async () => {
    const lines: unknown[] = [];
    let looks = 0;
    const registry = new Registry();
    const steps = new Steps(
      'checkpoint',
      { info: (fields: object, message: string) => lines.push({ ...fields, message }) } as never,
      registry,
      // Each look at it finds a quarter of a second more of the one, and an eighth of the other.
      () => ({ agentSeconds: (looks += 1) / 4, programsSeconds: looks / 8 }),
    );
    const cpu = { agentSeconds: 0.25, programsSeconds: 0.125 };
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
      { ...migration, taskCount: 3, ...cpu, message: 'freeze' },
      { ...migration, ...cpu, message: 'rollback' },
      { ...migration, ...cpu, message: 'rollback' },
    ]);
    const text = await registry.metrics();
    assert.match(text, /^portkey_migration_steps_total\{step="freeze"\} 1$/m);
    assert.match(text, /^portkey_migration_steps_total\{step="rollback"\} 2$/m);
    assert.match(text, /^portkey_migration_steps_total\{step="dump"\} 0$/m);
  });

  it('are counted from 0, those of the agent alone', async () => {
    const registry = new Registry();
    new Steps('restore', { info: () => undefined } as never, registry);
    const text = await registry.metrics();
    assert.match(text, /^portkey_migration_steps_total\{step="restore"\} 0$/m);
    assert.doesNotMatch(text, /step="freeze"/);
  });

  it('have used CPU also where they fail, and only for their own migration', async () => {
    let looks = 0;
    const meter = () => ({ agentSeconds: (looks += 1), programsSeconds: 0 });
    const steps = new Steps('checkpoint', { info: () => undefined } as never, new Registry(), meter);
    const migration = { migrationId: 'm-1', container: 'web', epoch: 2 };
    await steps.run('begin', migration, () => Promise.resolve());
    await assert.rejects(steps.run('dump', migration, () => Promise.reject(new Error('no CRIU'))));
    assert.deepEqual(
      steps.usage(migration).map(({ step, agentSeconds }) => [step, agentSeconds]),
      [
        ['begin', 1],
        ['dump', 1],
        ['between', 1],
      ],
    );
    assert.throws(() => steps.usage({ ...migration, migrationId: 'm-2' }), { code: 'migration-unknown' });
  });
});

describe("an agent's CPU", () => {
  it('is told from the kernel’s own line, whatever the command is called', () => {
    const times = '11 22 300 400';
    const stat = `7 (a ) b) S 1 7 7 0 -1 4194304 1 2 3 4 ${times} 20 0 1 0 99`;
    assert.equal(childTicks(stat), 700);
  });

  it('holds what the agent and its programs used', async () => {
    const before = agentCpuMeter();
    const burn = 'for (const end = Date.now() + 200; Date.now() < end;);';
    await runCommand([process.execPath, '-e', burn]);
    const { agentSeconds, programsSeconds } = cpuSince(before, agentCpuMeter());
    assert.ok(programsSeconds >= 0.1 && programsSeconds < 30, `${programsSeconds} s of programs`);
    assert.ok(agentSeconds > 0 && agentSeconds < programsSeconds * 2 + 1, `${agentSeconds} s of the agent`);
  });
});
