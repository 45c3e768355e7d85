/**
 * What `npm start` does, from the bed to the report. It leaves the bed up (`--keep`) for the tests that follow; that a
 * bed goes down without a trace is theirs to show.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { portkeyOk, startPortkey, type MigrationReport } from './support/portkey.js';

interface ReportFile {
  readonly version: number;
  readonly testbed: Record<string, unknown>;
  readonly migrations: readonly MigrationReport[];
}

describe('the demonstration', function () {
  this.timeout(15 * 60_000);
  let folder = '';

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'portkey-demo-'));
    await portkeyOk('testbed', 'down');
  });
  after(async () => {
    await portkeyOk('stop', 'web');
    await rm(folder, { recursive: true });
  });

  it('migrates in both modes, verifies the data, prints the table and writes the report', async () => {
    const demo = startPortkey(['demo', '--size', '32M', '--write-rate', '2M', '--keep'], { cwd: folder });
    const { exitCode, stdout, stderr } = await demo.ended;
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /CRIU\s+Portkey\s+Portkey takes/);
    assert.match(stdout, /hypercalls\s+0\s+[1-9]/);

    const report = JSON.parse(await readFile(path.join(folder, 'out/report.json'), 'utf8')) as ReportFile;
    assert.equal(report.version, 1);
    assert.deepEqual(
      Object.keys(report.testbed).filter((key) => report.testbed[key] === ''),
      [],
    );
    assert.deepEqual(
      report.migrations.map(({ mode, outcome, verified, connectionKept }) => [
        mode,
        outcome,
        verified,
        connectionKept,
      ]),
      [
        ['criu', 'completed', true, true],
        ['portkey', 'completed', true, true],
      ],
    );
    for (const migration of report.migrations) {
      const { cpuSeconds, guestCpuSeconds, clientPauseSeconds, downtimeSeconds } = migration;
      assert.ok(downtimeSeconds > 0 && (clientPauseSeconds ?? 0) > 0);
      assert.ok(cpuSeconds.source.transfer > 0 && cpuSeconds.destination.total > 0);
      for (const guest of [guestCpuSeconds.source, guestCpuSeconds.destination])
        assert.ok(guest !== null && guest.agent > 0 && guest.programs > 0, JSON.stringify(guestCpuSeconds));
    }

    const page = await readFile(path.join(folder, 'out/report.html'), 'utf8');
    assert.match(page, /<svg/);
    assert.doesNotMatch(page, /(src|href)="https?:/, 'the page opens without network');
  });
});
