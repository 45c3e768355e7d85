import assert from 'node:assert/strict';

import { Registry } from 'prom-client';

import type { SideCpu } from './accounting/cpu.js';
import { Metrics } from './metrics.js';
import { outcomes, type MigrationReport } from './report/report.js';
import { migrationModes } from './state/index.js';

const side = (vm: number, relay: number): SideCpu => ({
  total: vm + relay,
  transfer: vm,
  byPhase: { precopy: vm, final: 0, restore: relay },
  byComponent: { vm, relay, virtiofsd: 0, vhost: 0 },
  idle: 0,
});

const completed = {
  mode: 'portkey',
  outcome: 'completed',
  recovered: false,
  error: null,
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
    const transfer = 'portkey_migration_transfer_cpu_seconds_total{mode="portkey"';
    assert.ok(text.includes(`${transfer},side="source"} 2\n`));
    assert.ok(text.includes(`${transfer},side="destination"} 1\n`));
    assert.ok(text.includes(`portkey_migration_memory_bytes_total{mode="portkey"} ${2 ** 23}\n`));
    assert.ok(text.includes('portkey_migration_hypercalls_total{mode="portkey"} 24\n'));
  });

  it('leave out both where the CPU of one side is not known, or the migration did not complete', async () => {
    const half = { ...completed, cpuSeconds: { source: side(1, 1), destination: null } };
    const text = await counted(half, { ...completed, outcome: 'rolled-back' });
    assert.doesNotMatch(
      text,
      /^portkey_migration_((transfer_)?cpu_seconds|memory_bytes)_total\{.*\} (?!0$)/m,
    );
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

  it('have every series at 0 from the start', async () => {
    const lines = (await counted()).split('\n').filter((line) => line.startsWith('portkey_'));
    for (const line of lines) assert.match(line, / 0$/);
    for (const series of [
      'portkey_migrations_total{mode="criu",outcome="rolled-back"}',
      'portkey_migration_errors_total{code="dump-failed"}',
      'portkey_migration_phase_seconds_count{mode="portkey",phase="final-round"}',
      'portkey_migration_downtime_seconds_sum{mode="criu"}',
      'portkey_migration_cpu_seconds_total{mode="criu",side="destination",component="vhost"}',
      'portkey_migration_memory_bytes_total{mode="portkey"}',
      'portkey_precopy_decisions_total{mode="portkey",action="throttle",reason="round-limit"}',
      'portkey_precopy_remaining_pages_count{mode="criu"}',
    ])
      assert.ok(lines.includes(`${series} 0`), series);
  });

  it('have why migrations were not completed, by a code that there is', async () => {
    const because = (code: string): MigrationReport => ({
      ...{ ...completed, outcome: 'rolled-back' },
      error: { code, message: 'why' },
    });
    const text = await counted(because('dump-failed'), because('dump-failed'), because('of-another-version'));
    assert.match(text, /^portkey_migration_errors_total\{code="dump-failed"\} 2$/m);
    assert.match(text, /^portkey_migration_errors_total\{code="internal"\} 1$/m);
    assert.doesNotMatch(text, /of-another-version/);
  });

  it('get no series more by more migrations, whatever their names and how they end', async () => {
    const registry = new Registry();
    const metrics = new Metrics(registry);
    const seriesCount = async (): Promise<number> =>
      (await registry.metrics()).split('\n').filter((line) => line.startsWith('portkey_')).length;
    const atTheStart = await seriesCount();
    const codes = [null, 'dump-failed', 'no-room', 'destination-lost'];
    for (let index = 0; index < 1_000; index += 1) {
      const code = codes[index % 4] ?? null;
      metrics.migrationEnded({
        ...completed,
        ...{ id: `m-${index}`, container: `web-${index}`, from: `vm-${index}`, to: `vm-${index + 1}` },
        mode: migrationModes[Math.floor(index / 4) % 2] ?? 'criu',
        outcome: outcomes[index % 4] ?? 'failed',
        error: code === null ? null : { code, message: `migration m-${index}` },
        steps: [{ name: 'freeze', phase: 'final', startSeconds: index, seconds: 0.1 }],
      });
    }
    assert.equal(await seriesCount(), atTheStart);
    const text = await registry.metrics();
    assert.match(text, /^portkey_migrations_total\{mode="criu",outcome="refused"\} 125$/m);
    assert.match(text, /^portkey_migration_phase_seconds_count\{mode="portkey",phase="freeze"\} 125$/m);
  });
});
