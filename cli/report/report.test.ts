import assert from 'node:assert/strict';

import { sampleMigration, sampleReport } from '../../tests/support/sample-report.js';
import { lineChart } from './charts/line-chart.js';
import { linearScale, logScale } from './charts/scale.js';
import { comparableModes, compareFigures, savingText } from './comparison.js';
import { exitCodeOf, parseReport } from './migration-report.js';
import { renderReport } from './page.js';
import { testbedFacts } from './report-file.js';

describe('a migration report', () => {
  it('is read from the controller, later fields and absent measurements included', () => {
    const { workload, verified, guestCpuSeconds, ...fromController } = sampleMigration('portkey');
    const report = parseReport(
      JSON.stringify({
        ...fromController,
        aNewField: 1,
        downtimeSeconds: null,
        cpuSeconds: { source: null, destination: null },
      }),
    );
    assert.deepEqual(
      [workload?.name, verified, report.workload, report.verified],
      ['redis', true, null, null],
    );
    assert.equal(report['aNewField'], 1);
    assert.ok(guestCpuSeconds.source !== null);
    assert.deepEqual(report.guestCpuSeconds, { source: null, destination: null });
  });

  it('has of each guest what its agent told', () => {
    const { guestCpuSeconds } = sampleMigration('portkey');
    const half = { ...guestCpuSeconds, source: null };
    for (const told of [guestCpuSeconds, half]) {
      const json = JSON.stringify(sampleMigration('portkey', { guestCpuSeconds: told }));
      assert.deepEqual(parseReport(json).guestCpuSeconds, told);
    }
  });

  it('of another shape is an error that names the fields', () => {
    assert.throws(() => parseReport('{"id":1}'), /another shape than expected.*id: .*mode: /);
  });

  it('decides the exit code', () => {
    const codeOf = (outcome: 'completed' | 'rolled-back' | 'refused' | 'failed') =>
      exitCodeOf(sampleMigration('criu', { outcome }));
    assert.deepEqual(
      [codeOf('completed'), codeOf('rolled-back'), codeOf('failed'), codeOf('refused')],
      [0, 1, 1, 3],
    );
  });
});

describe('the comparison', () => {
  it('takes the last completed migration of each mode', () => {
    const migrations = [
      sampleMigration('criu', { id: 'first' }),
      sampleMigration('portkey'),
      sampleMigration('criu', { id: 'second' }),
      sampleMigration('criu', { id: 'broken', outcome: 'failed' }),
    ];
    assert.equal(comparableModes(migrations)?.criu.id, 'second');
    assert.equal(comparableModes(migrations.slice(0, 1)), undefined);
  });

  it('says savings as less or more, and nothing where a figure is missing', () => {
    assert.deepEqual(
      [savingText(4, 1), savingText(4, 5), savingText(4, 4), savingText(0, 1), savingText(null, 1)],
      ['75 % less', '25 % more', 'the same', '', ''],
    );
  });

  it('has a dash for a host whose CPU is not known', () => {
    const portkey = sampleMigration('portkey');
    const cpuSeconds = { ...portkey.cpuSeconds, source: null };
    const rows = compareFigures({ criu: sampleMigration('criu'), portkey: { ...portkey, cpuSeconds } });
    const row = rows.find(({ label }) => label === 'source host CPU, total');
    assert.deepEqual([row?.portkey, row?.saving], ['–', '']);
  });
});

describe('the report page', () => {
  it('is one file without references to anything outside', () => {
    const page = renderReport(sampleReport(), { title: 'Test', sample: true });
    assert.doesNotMatch(page, /<script|src=|href=|@import|url\((?!#)/);
    assert.equal(page.match(/<svg viewBox/g)?.length, 4);
    assert.match(page, /Sample data, made up/);
  });

  it('tells of several streams where the migrations had them', () => {
    const { testbed, ...report } = sampleReport();
    const page = (streams: number): string =>
      renderReport({ ...report, testbed: { ...testbed, streams } }, { title: 'Test' });
    assert.match(page(2), /hosts joined at 10gbit by 2 streams;/);
    assert.match(page(1), /hosts joined at 10gbit;/);
  });

  it("tells who serves the VMs' network, where it is known", () => {
    const { testbed, ...report } = sampleReport();
    const page = (vhostNet: boolean | null): string =>
      renderReport({ ...report, testbed: testbedFacts({ ...testbed, vhostNet }) }, { title: 'Test' });
    assert.match(page(true), /, network by vhost-net, hosts joined/);
    assert.match(page(false), /, network by QEMU \(no vhost-net\), hosts joined/);
    assert.doesNotMatch(page(null), /vhost-net/);
  });

  it('escapes what comes from outside', () => {
    const report = { ...sampleReport(), migrations: [sampleMigration('criu', { container: '<b>"web"&' })] };
    const page = renderReport(report, { title: 'a < b' });
    assert.match(page, /&lt;b&gt;&quot;web&quot;&amp;/);
    assert.match(page, /<title>a &lt; b<\/title>/);
  });

  it('holds with one mode, with failures only, and with nothing at all', () => {
    for (const migrations of [
      [sampleMigration('portkey')],
      [sampleMigration('criu', { outcome: 'failed', rounds: [], steps: [], downtimeSeconds: null })],
      [],
    ]) {
      const page = renderReport({ ...sampleReport(), migrations }, { title: 'Test' });
      assert.doesNotMatch(page, /NaN|undefined|Infinity/);
    }
  });
});

describe('a scale', () => {
  it('ends on a round number that is not below the largest value', () => {
    for (const most of [0, 0.003, 0.7, 1, 9.53, 66_240]) {
      const { ticks, length } = linearScale(most, 100);
      assert.ok(length(most) <= 100 && (ticks.at(-1) ?? 0) >= most);
      assert.ok(ticks.length >= 2 && ticks.length <= 9, `${ticks.length} ticks for ${most}`);
    }
    assert.deepEqual(linearScale(10, 100).ticks, [0, 2, 4, 6, 8, 10]);
    assert.equal(linearScale(0.7, 100).label(0.2), '0.2');
  });

  it('goes by powers of ten where it is logarithmic, and has 0 at its lower end', () => {
    const { ticks, length } = logScale(12, 280_000, 100);
    assert.deepEqual(ticks, [10, 100, 1000, 10_000, 100_000, 1_000_000]);
    assert.deepEqual([0, 10, 1000, 1_000_000].map(length).map(Math.round), [0, 0, 40, 100]);
    assert.deepEqual(logScale(3, 9, 100).ticks, [1, 2, 5, 10]);
    assert.deepEqual(logScale(10, 10, 100).ticks, [10, 20, 50, 100]);
    assert.equal(logScale(0.01, 1, 100).label(0.01), '0.01');
  });
});

describe('a line chart', () => {
  const axes = { width: 300, height: 200, x: { title: 'size', logarithmic: true }, y: { title: 'time' } };
  const draw = (points: { x: number; y: number; low?: number; high?: number }[]): string =>
    lineChart([{ key: 'criu', label: 'CRIU', points }], axes, 'Test');

  it('has a mark a point, a whisker where there is a range, and a line between two', () => {
    const chart = draw([
      { x: 1, y: 2, low: 1, high: 3 },
      { x: 10, y: 4, low: 4, high: 4 },
    ]);
    const count = (pattern: RegExp): number => chart.match(pattern)?.length ?? 0;
    assert.deepEqual([count(/<circle/g), count(/whisker/g), count(/<path/g)], [2, 1, 1]);
    assert.match(chart, /CRIU, 10: 4</);
  });

  it('holds with one point, with zeros and with none', () => {
    for (const points of [
      [{ x: 5, y: 1 }],
      [
        { x: 0, y: 0 },
        { x: 1, y: 0 },
      ],
      [],
    ])
      assert.doesNotMatch(draw(points), /NaN|Infinity/);
    assert.doesNotMatch(draw([{ x: 5, y: 1 }]), /<path/);
  });

  it('leaves out a label that would run into its neighbour', () => {
    const chart = draw([100, 101, 1000].map((x) => ({ x, y: 1 })));
    assert.deepEqual(
      ['100', '101', '1000'].map((label) => chart.includes(`>${label}</text>`)),
      [true, false, true],
    );
  });
});
