import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { sampleBenchMigration, sampleWholeVm } from '../../tests/support/sample-bench.js';
import { sampleReport } from '../../tests/support/sample-report.js';
import type { BenchFile } from './bench-file.js';
import { BenchRecorder } from './recorder.js';

const gib = 2 ** 30;
const cell = { memoryBytes: gib / 4, writeBytesPerSecond: 0 };
const bed = (vmGib: number) => ({ ...sampleReport().testbed, vmMemoryBytes: vmGib * gib });
const migration = sampleBenchMigration(cell, { mode: 'portkey', repetition: 1, warmUp: false });

describe('the record of the experiment', () => {
  let folder: string;
  let recorder: BenchRecorder;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'portkey-record-'));
    recorder = new BenchRecorder({ bars: false }, folder);
  });
  afterEach(() => rm(folder, { recursive: true }));

  const written = async (): Promise<BenchFile> =>
    JSON.parse(await readFile(path.join(folder, 'bench.json'), 'utf8')) as BenchFile;

  it('is on disk after each step, bed by bed', async () => {
    recorder.nextBed(bed(2));
    assert.ok(recorder.isEmpty);
    await recorder.migration(migration);
    await recorder.wholeVm(sampleWholeVm(cell, 1));
    assert.deepEqual([(await written()).migrations.length, (await written()).wholeVm.length], [1, 1]);
    recorder.nextBed(bed(8));
    await recorder.migration({ ...migration, id: 'in the larger VM' });
    const { testbed, migrations, otherBeds } = await written();
    assert.deepEqual([testbed.vmMemoryBytes, migrations.length], [2 * gib, 1]);
    assert.deepEqual(
      otherBeds?.map((other) => [other.testbed.vmMemoryBytes, other.migrations.map(({ id }) => id)]),
      [[8 * gib, ['in the larger VM']]],
    );
  });

  it('has no bed in which nothing ran', async () => {
    recorder.nextBed(bed(2));
    await recorder.migration(migration);
    recorder.nextBed(bed(8));
    await recorder.finish();
    assert.equal((await written()).otherBeds, undefined);
    assert.equal(recorder.isEmpty, false);
  });
});
