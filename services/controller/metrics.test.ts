import assert from 'node:assert/strict';

import { Registry } from 'prom-client';

import type { SideCpu } from './accounting/cpu.js';
import { Metrics } from './metrics.js';
import type { MigrationReport } from './report/report.js';

const side = (vm: number, relay: number): SideCpu => ({
  total: vm + relay,
  transfer: vm + relay,
  byPhase: { precopy: vm + relay, final: 0, restore: 0 },
  byComponent: { vm, relay, virtiofsd: 0, vhost: 0 },
  idle: 0,
});

const completed = {
  mode: 'portkey',
  outcome: 'completed',
  recovered: false,
  pagesSent: 1_000,
  bytesSent: 4_096_000,
  hypercalls: 12,
  memoryBytes: 2 ** 22,
  downtimeSeconds: 0.4,
  rounds: [],
  steps: [],
  cpuSeconds: { source: side(1, 0.25), destination: side(0.5, 2) },
} as unknown as MigrationReport;

describe("the controller's metrics", () => {
  const counted = async (...reports: readonly MigrationReport[]): Promise<string> => {
    const registry = new Registry();
    const metrics = new Metrics(registry);
    for (const report of reports) metrics.migrationEnded(report);
    return registry.metrics();
  };

  it('have the CPU of completed migrations by mode, side and component, and the memory that it moved', async () => {
    const text = await counted(completed, completed);
    const cpu = 'portkey_migration_cpu_seconds_total{mode="portkey"';
    assert.ok(text.includes(`${cpu},side="source",component="vm"} 2\n`));
    assert.ok(text.includes(`${cpu},side="destination",component="relay"} 4\n`));
    assert.ok(text.includes(`portkey_migration_memory_bytes_total{mode="portkey"} ${2 ** 23}\n`));
    assert.ok(text.includes('portkey_migration_hypercalls_total{mode="portkey"} 24\n'));
  });

  it('leave out both where the CPU of one side is not known, or the migration did not complete', async () => {
    const half = { ...completed, cpuSeconds: { source: side(1, 1), destination: null } };
    const text = await counted(half, { ...completed, outcome: 'rolled-back' });
    assert.doesNotMatch(text, /^portkey_migration_(cpu_seconds|memory_bytes)_total\{/m);
  });

  it('have the states of what has not ended, and how long the longest has been frozen', async () => {
    const registry = new Registry();
    const metrics = new Metrics(registry);
    assert.match(await registry.metrics(), /^portkey_migration_frozen_seconds 0$/m);
    metrics.setUnfinished(() => [
      { state: 'precopy', frozenSeconds: 0 },
      { state: 'landed', frozenSeconds: 1.5 },
      { state: 'precopy', frozenSeconds: 0 },
    ]);
    const text = await registry.metrics();
    assert.match(text, /^portkey_migrations_in_state\{state="precopy"\} 2$/m);
    assert.match(text, /^portkey_migrations_in_state\{state="committed"\} 0$/m);
    assert.match(text, /^portkey_migration_frozen_seconds 1\.5$/m);
  });

  it('get no series more by more migrations', async () => {
    const seriesCount = (text: string): number =>
      text.split('\n').filter((line) => /^portkey_/.test(line)).length;
    const one = await counted(completed);
    const many = Array.from({ length: 1_000 }, (_, index) => ({ ...completed, id: `m-${index}` }));
    assert.equal(seriesCount(await counted(...many)), seriesCount(one));
  });
});
