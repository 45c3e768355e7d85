import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';

import type { Clock } from '../../libraries/process/index.js';
import type { MigrationEvent } from '../../libraries/rpc/index.js';
import { sampleMigration } from '../../tests/support/sample-report.js';
import { LiveLines } from '../live-lines.js';
import { Output } from '../output.js';
import { shortcoming } from './migrate.js';
import { advance, noProgress, progressLines } from './progress.js';
import { resultTable } from './result-table.js';
import { migrationView } from './view.js';

const event = (changes: Partial<MigrationEvent>): MigrationEvent => ({
  id: 'm1',
  state: 'precopy',
  kind: 'progress',
  text: 'round 0',
  at: '2026-01-01T10:20:30.456Z',
  data: '',
  report: '',
  ...changes,
});

describe('progress', () => {
  it('keeps what an event leaves out, and survives what it cannot read', () => {
    const figures = { round: 0, pagesSent: 10, pagesTotal: 40, dirtyPagesPerSecond: 256 };
    let progress = advance(noProgress, event({ data: JSON.stringify(figures) }));
    progress = advance(progress, event({ data: '{"pagesSent":"many","predictedDowntimeSeconds":null}' }));
    progress = advance(progress, event({ data: 'no JSON', state: 'frozen' }));
    assert.deepEqual(progress, { state: 'frozen', figures });
  });

  it('is two lines with all there is to say', () => {
    const figures = {
      round: 2,
      pagesSent: 5000,
      pagesTotal: 20_000,
      bytesPerSecond: 2 ** 29,
      dirtyPagesPerSecond: 1280,
      hypercalls: 12,
      predictedDowntimeSeconds: 1.5,
    };
    assert.deepEqual(progressLines('web → vm-b', { state: 'precopy', figures }, 3.14), [
      'web → vm-b  precopy  round 2  3.1 s',
      '  5 000 of 20 000 pages (25 %) · 512 MiB/s · written to at 5 MiB/s · 12 hypercalls · downtime about 1.50 s',
    ]);
    assert.deepEqual(progressLines('web', noProgress, 0), ['web  pending  0.0 s', '  ']);
  });
});

describe('live lines', () => {
  it('go back over what they drew, and are cut to the width of the terminal', () => {
    const stream = Object.assign(new PassThrough(), { columns: 6 });
    const lines = new LiveLines(stream);
    lines.show(['1234567', 'b']);
    lines.above('kept');
    lines.clear();
    const clear = '\x1b[J';
    assert.equal(
      String(stream.read()),
      `\r${clear}12345\nb\n` + `\x1b[2A\r${clear}kept\n12345\nb\n` + `\x1b[2A\r${clear}`,
    );
  });
});

describe('the view of a migration', () => {
  const clockAt = (now: () => number): Clock => ({
    monotonicMs: now,
    wallTime: () => new Date(0),
    sleep: () => Promise.resolve(),
  });

  it('elsewhere than on a terminal is one line an event, but progress only once a second', () => {
    let now = 0;
    const stderr = new PassThrough();
    const output = new Output({ json: false, verbose: false }, new PassThrough(), stderr);
    using view = migrationView(
      output,
      clockAt(() => now),
      'web',
    );
    for (now of [0, 400, 800, 1200]) view.show(event({ text: `at ${now}` }));
    view.show(event({ kind: 'warning', text: 'careful' }));
    assert.equal(
      String(stderr.read()),
      '10:20:30.456  precopy      at 0\n' +
        '10:20:30.456  precopy      at 1200\n' +
        '10:20:30.456  precopy      warning: careful\n',
    );
  });

  it('on a terminal keeps decisions and warnings, and takes its lines away at the end', () => {
    const stderr = Object.assign(new PassThrough(), { isTTY: true });
    const output = new Output({ json: false, verbose: false }, new PassThrough(), stderr);
    {
      using view = migrationView(
        output,
        clockAt(() => 0),
        'web → vm-b',
      );
      view.show(event({ kind: 'decision', text: 'freeze' }));
    }
    const written = String(stderr.read());
    assert.match(written, /freeze\n/);
    assert.ok(written.endsWith('\x1b[2A\r\x1b[J'));
  });
});

describe('the result of a migration', () => {
  it('is short of success when it did not arrive, lost data or broke the connection', () => {
    const of = (changes: Parameters<typeof sampleMigration>[1], hasClient = false) =>
      shortcoming(sampleMigration('criu', changes), hasClient);
    assert.equal(of({}), undefined);
    assert.equal(of({ verified: null, connectionKept: null }), undefined);
    assert.equal(of({}, true), undefined);
    for (const unanswered of [{ verified: null }, { connectionKept: null }])
      assert.match(of(unanswered, true) ?? '', /^web: the workload's client did not answer/);
    assert.match(of({ verified: false }) ?? '', /^web: data .* is gone or damaged/);
    assert.match(of({ connectionKept: false }) ?? '', /connection broke/);
    assert.equal(of({ outcome: 'failed', error: { code: 'internal', message: 'why' } }), 'why');
  });

  it('leaves out of its table what is not known', () => {
    const table = resultTable(
      sampleMigration('portkey', {
        outcome: 'refused',
        downtimeSeconds: null,
        verified: null,
        rounds: [],
        cpuSeconds: { source: null, destination: null },
      }),
    );
    assert.doesNotMatch(table, /downtime|verified|CPU|dirty|NaN|undefined/);
  });

  it('tells how many of its pages were only named, where a relay has counted them', () => {
    assert.match(resultTable(sampleMigration('portkey')), /\nof these zero, only named +1\s200\n/);
    assert.doesNotMatch(resultTable(sampleMigration('criu')), /zero/);
  });

  it('tells what a verification compared, and what that took', () => {
    const cost = { seconds: 4, cpuSeconds: 3.5 };
    const pageDigest = {
      ...{ alike: true, pages: 65_536, bytes: 2 ** 28, sharedPages: 0, seconds: 5 },
      ...{ source: cost, destination: { ...cost, cpuSeconds: 4.5 } },
    };
    const table = resultTable(sampleMigration('portkey', { pageDigest }));
    assert.match(table, /\npages compared by digest +65\s536 \(256 MiB\)\nlanded as they were frozen +yes\n/);
    assert.match(table, /\nthe comparison took \(of downtime\) +5 s\nsource VM CPU for digests +3.50 s\n/);
    assert.match(table, /\ndestination VM CPU for digests +4.50 s\n/);
    const differing = resultTable(
      sampleMigration('criu', { pageDigest: { ...pageDigest, alike: false, sharedPages: 12 } }),
    );
    assert.match(differing, /\nshared pages, out of reach +12\nlanded as they were frozen +NO\n/);
    assert.doesNotMatch(resultTable(sampleMigration('criu')), /digest|compared/);
  });
});
