/**
 * Migrations through the command line's service, and what Prometheus and the dashboards make of them.
 *
 * Every expression of every panel, annotation, variable and rule is asked of the real Prometheus; figures are compared with the
 * migrations' own reports.
 */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

import { parseReport, type MigrationReport } from '../../cli/report/migration-report.js';
import { panelExpressions, substitute } from '../../grafana/source/expressions.js';
import { eventually } from '../support/eventually.js';
import { cli, seldom, up } from './support/bed.js';
import { askEveryExpression, askEveryRule } from './support/every-expression.js';
import { ask, total } from './support/prometheus.js';

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

  it('answers every expression of every panel and variable', () => askEveryExpression());

  it('marks the end of a migration, and what comes before', async () => {
    const marks = panelExpressions().filter(
      ({ kind, dashboard }) => kind === 'annotation' && dashboard === 'portkey-migrations',
    );
    const seen = new Set<string>();
    const look = async (): Promise<void> => {
      for (const { panel, expr } of marks) if ((await ask(substitute(expr))).length > 0) seen.add(panel);
    };
    const run = { isOver: false };
    // So slow that it is in each phase for longer than Prometheus looks away. It has the network of the last round, too.
    const migration = cli('migrate', 'web', '--to', 'vm-b', '--bandwidth', '40mbit', '--json').finally(
      () => (run.isOver = true),
    );
    try {
      while (!run.isOver) {
        await look();
        await delay(500);
      }
    } finally {
      assert.equal(parseReport(await migration).outcome, 'completed');
    }
    await eventually(
      'the mark of its end',
      async () => {
        await look();
        await delay(200);
        return seen.has('Ended');
      },
      30_000,
    );
    assert.ok(seen.has('Pre-copy'), [...seen].join(', '));
  });

  it('marks a migration that rolls back', async () => {
    const mark = panelExpressions().find(({ panel }) => panel === 'Ended');
    assert.ok(mark);
    const started = cli('migrate', 'web', '--to', 'vm-a', '--bandwidth', '10mbit', '--json').catch(
      (error: unknown) => error,
    );
    const id = await eventually(
      'a migration that sends memory',
      seldom(async () => {
        const all = JSON.parse(await cli('migrations', '--json')) as { id: string; state: string }[];
        return all.find(({ state }) => state === 'precopy')?.id;
      }),
      60_000,
    );
    await cli('cancel', id);
    await started;
    const ended = await eventually(
      'the mark of its end',
      async () => {
        await delay(500);
        const samples = await ask(substitute(mark.expr));
        return samples.find(({ labels }) => labels['outcome'] === 'rolled-back');
      },
      30_000,
    );
    assert.equal(ended.labels['mode'], 'portkey');
  });

  it('evaluates every rule, and no alert fires', async () => {
    await delay(settledMs);
    assert.deepEqual(await askEveryRule(), []);
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
