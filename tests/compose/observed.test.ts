/**
 * Migrations through the command line's service, and what Prometheus and the dashboards make of them.
 *
 * Every expression of every panel, annotation, variable and rule is asked of the real Prometheus; figures are compared with the
 * migrations' own reports.
 */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

import { parseReport, type MigrationReport } from '../../cli/report/migration-report.js';
import { formatTable } from '../../cli/table.js';
import { panelExpressions, substitute } from '../../grafana/source/expressions.js';
import { eventually } from '../support/eventually.js';
import { cli, up } from './support/bed.js';
import { ask, rules, total, type Sample } from './support/prometheus.js';

/** Prometheus looks every 5 s, and the rules go by what it saw. */
const settledMs = 12_000;
const closeEnough = 0.05;
const modes = ['portkey', 'criu'] as const;
type Mode = (typeof modes)[number];

describe('what is observed', function () {
  this.timeout(600_000);
  const reports: MigrationReport[] = [];

  before(async () => {
    assert.equal((await up()).exitCode, 0);
    await cli('run', 'vm-a', 'web', '--workload', 'redis', '--size', '64M', '--write-rate', '1M');
  });

  after(async () => {
    await cli('stop', 'web');
  });

  for (const [mode, to] of [
    ['portkey', 'vm-b'],
    ['portkey', 'vm-a'],
    ['criu', 'vm-b'],
    ['criu', 'vm-a'],
  ] as const)
    it(`migrates to ${to} in ${mode} mode, with every write and the connection kept`, async () => {
      const report = parseReport(await cli('migrate', 'web', '--to', to, '--mode', mode, '--json'));
      reports.push(report);
      assert.deepEqual(
        [report.outcome, report.mode, report.to, report.verified, report.connectionKept],
        ['completed', mode, to, true, true],
      );
      const { ok, lostWrites } = JSON.parse(await cli('verify', 'web', '--json')) as {
        ok: boolean;
        lostWrites: number;
      };
      assert.deepEqual([ok, lostWrites], [true, 0]);
    });

  it('counts what the reports say', async () => {
    await delay(settledMs);
    for (const mode of modes) {
      const own = reports.filter((report) => report.mode === mode);
      const counted = (metric: string, labels = ''): Promise<number> =>
        total(`${metric}{mode="${mode}"${labels}}`);
      assert.equal(await counted('portkey_migrations_total', ',outcome="completed"'), own.length);
      assert.equal(
        await counted('portkey_migration_hypercalls_total'),
        sumOf(own, ({ hypercalls }) => hypercalls),
      );
      assert.equal(
        await counted('portkey_migration_pages_total'),
        sumOf(own, ({ pagesSent }) => pagesSent),
      );
      assert.equal(
        await counted('portkey_migration_sent_bytes_total'),
        sumOf(own, ({ bytesSent }) => bytesSent),
      );
      assert.equal(
        await counted('portkey_migration_rounds_sum'),
        sumOf(own, ({ rounds }) => rounds.length),
      );
      for (const side of ['source', 'destination'] as const) {
        const transfer = await counted('portkey_migration_transfer_cpu_seconds_total', `,side="${side}"`);
        assertClose(
          transfer,
          sumOf(own, ({ cpuSeconds }) => cpuSeconds[side]?.transfer ?? NaN),
          `${mode}, ${side}`,
        );
      }
    }
    // What the relays counted themselves, of both directions of hypercalls.
    assert.ok((await total('portkey_hypercalls_total{direction="guest-to-host",type="send"}')) > 0);
  });

  it('saves on the dashboard what the reports say that it saves', async () => {
    const panel = panelExpressions().find((expression) => expression.panel === 'Portkey mode saves');
    assert.ok(panel);
    const [shown] = await ask(substitute(panel.expr));
    const saved = 1 - transferPerByte(reports, 'portkey') / transferPerByte(reports, 'criu');
    console.log(`    the dashboard says ${percent(shown?.value ?? NaN)}, the reports ${percent(saved)}`);
    assertClose(shown?.value ?? NaN, saved, 'the saving');
    for (const side of ['source', 'destination'] as const) {
      const of = 1 - transferPerByte(reports, 'portkey', [side]) / transferPerByte(reports, 'criu', [side]);
      const told = await total(`side:portkey_migration_transfer_cpu_saving:ratio{side="${side}"}`);
      console.log(`    ${side}: the dashboard says ${percent(told)}, the reports ${percent(of)}`);
      assertClose(told, of, side);
    }
  });

  it('answers every expression of every panel and variable', async () => {
    const rows: string[][] = [];
    const silent: string[] = [];
    for (const { dashboard, kind, panel, legend, expr } of panelExpressions()) {
      const samples = await ask(substitute(expr));
      rows.push([dashboard, panel, legend, String(samples.length), sampleText(samples)]);
      // Annotations mark what happens now, and now nothing does.
      if (kind !== 'annotation' && !samples.some(({ value }) => Number.isFinite(value)))
        silent.push(`${dashboard}: ${panel}: ${expr}`);
    }
    const columns = ['dashboard', 'panel', 'legend', 'series', 'a sample'].map((title) => ({ title }));
    console.log(formatTable(columns, rows).replace(/^/gm, '    '));
    assert.deepEqual(silent, [], 'these say nothing');
  });

  it('answers every annotation while a migration runs', async () => {
    const marks = panelExpressions().filter(
      ({ kind, panel }) => kind === 'annotation' && panel !== 'Rolling back',
    );
    const unseen = new Map(marks.map((mark) => [mark.panel, substitute(mark.expr)]));
    const migration = cli('migrate', 'web', '--to', 'vm-b', '--json').then((text) => parseReport(text));
    // A phase may be shorter than the time between two looks of Prometheus, so one of them will do.
    await eventually(
      'a mark of a migration',
      async () => {
        for (const [name, expr] of unseen) if ((await ask(expr)).length > 0) unseen.delete(name);
        await delay(500);
        return unseen.size < marks.length;
      },
      60_000,
    );
    assert.equal((await migration).outcome, 'completed');
  });

  it('evaluates every rule, and no alert fires', async () => {
    await delay(settledMs);
    const all = await rules();
    assert.ok(all.length >= 12, `${all.length} rules`);
    for (const { name, type, health, lastError, state, query } of all) {
      assert.equal(health, 'ok', `${name}: ${lastError ?? ''}`);
      if (type === 'recording') assert.ok((await ask(name)).length > 0, `${name} has no series`);
      else assert.equal(state, 'inactive', `${name} fires: ${query}`);
    }
  });
});

function sumOf<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0);
}

function transferPerByte(
  reports: readonly MigrationReport[],
  mode: Mode,
  sides: readonly ('source' | 'destination')[] = ['source', 'destination'],
): number {
  const own = reports.filter((report) => report.mode === mode);
  const cpu = sumOf(own, ({ cpuSeconds }) => sumOf(sides, (side) => cpuSeconds[side]?.transfer ?? NaN));
  return cpu / sumOf(own, ({ memoryBytes }) => Number(memoryBytes));
}

function assertClose(told: number, expected: number, what: string): void {
  const off = Math.abs(told - expected) / Math.abs(expected);
  assert.ok(off <= closeEnough, `${what}: ${told} where ${expected} was expected`);
}

function percent(ratio: number): string {
  return `${(100 * ratio).toFixed(1)} %`;
}

function sampleText(samples: readonly Sample[]): string {
  const sample = samples.find(({ value }) => value > 0) ?? samples[0];
  if (sample === undefined) return '–';
  const labels = Object.entries(sample.labels).filter(([name]) => name !== '__name__' && name !== 'instance');
  return `${Number(sample.value.toPrecision(4))} ${labels.map(([name, value]) => `${name}=${value}`).join(' ')}`.trim();
}
