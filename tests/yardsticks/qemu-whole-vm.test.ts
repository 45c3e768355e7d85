/**
 * Whole-VM migration by QEMU, the experiment's yardstick, for real: a small VM beside the test bed's, on its hosts.
 */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { PassThrough } from 'node:stream';

import { wholeVmMigrations } from '../../cli/bench/whole-vm-migrations.js';
import type { WholeVmMigration } from '../../cli/bench/whole-vm.js';
import { Output } from '../../cli/output.js';
import { runChecked, runCommand, systemClock } from '../../libraries/process/index.js';
import { placesOf } from '../../testbed/paths.js';
import { readState } from '../../testbed/state.js';
import { markedProcesses } from '../../testbed/supervision/marker.js';
import { eventually } from '../support/eventually.js';
import { withTestbed } from '../e2e/support/fixture.js';

const mebibyte = 2 ** 20;
const vmMemoryBytes = 768 * mebibyte;
const cell = { memoryBytes: 64 * mebibyte, writeBytesPerSecond: mebibyte };
const qmpSocket = /^whole-vm\..*\.qmp$/;
const places = placesOf(process.env);

/** All that could be left: processes, files and links of the test bed. */
async function belongings(): Promise<{ processes: number[]; files: string[]; links: string }> {
  const links = ['portkey-host-a', 'portkey-host-b'].map((namespace) =>
    runChecked(runCommand, ['ip', '-n', namespace, '-br', 'link', 'show']),
  );
  return {
    processes: (await markedProcesses(places.runtime)).sort((a, b) => a - b),
    files: (await readdir(places.runtime)).sort(),
    links: (await Promise.all(links)).join(''),
  };
}

describe('whole-VM migration by QEMU', function () {
  this.timeout(300_000);
  withTestbed();

  let notes: string;
  let stopping: AbortController;

  beforeEach(() => {
    notes = '';
    stopping = new AbortController();
  });

  const migrations = async (count: number): Promise<AsyncGenerator<WholeVmMigration>> => {
    const testbed = await readState(places.state);
    assert.ok(testbed);
    const stderr = new PassThrough();
    stderr.on('data', (text: Buffer) => (notes += text.toString()));
    const output = new Output({ json: false, verbose: false }, new PassThrough(), stderr);
    const cli = { places, output, clock: systemClock };
    return wholeVmMigrations(cli, { ...testbed, vmMemoryBytes }, cell, count, stopping.signal);
  };

  it('takes a VM with a writing client there and back, loses nothing and leaves nothing behind', async function () {
    // On a busy machine it may not be stopped in time, and says so instead of losing what was written (one-live-round.ts),
    // or have used less than an idle VM, and says that (qemu-migration.ts).
    this.retries(4);
    const before = await belongings();
    const taken: WholeVmMigration[] = [];
    for await (const migration of await migrations(2)) taken.push(migration);
    assert.deepEqual(await belongings(), before);
    assert.equal(taken.length, 2, notes);
    for (const migration of taken) {
      const { totalSeconds, downtimeSeconds, clientPauseSeconds, bytesSent, rounds, cpuSeconds } = migration;
      console.log(`      ${totalSeconds.toFixed(2)} s, downtime ${downtimeSeconds.toFixed(2)} s`);
      assert.deepEqual([migration.verified, migration.connectionKept], [true, true], notes);
      assert.ok(downtimeSeconds > 0 && downtimeSeconds < totalSeconds, `${downtimeSeconds} ${totalSeconds}`);
      assert.ok((clientPauseSeconds ?? 0) > 0);
      // What is zero does not travel; the Redis and the guest's kernel do.
      assert.ok(bytesSent > cell.memoryBytes && bytesSent < vmMemoryBytes, String(bytesSent));
      assert.ok(rounds > 0);
      assert.ok(cpuSeconds.source.total > 0 && cpuSeconds.source.idle > 0);
      assert.ok(cpuSeconds.destination.total > 0);
    }
  });

  it('leaves nothing behind where it is stopped in the middle', async () => {
    const before = await belongings();
    const asked = (await migrations(1)).next();
    await Promise.all([
      assert.rejects(asked, { code: 'cancelled' }),
      eventually('a QEMU of its own runs', async () => {
        const { processes, files } = await belongings();
        return processes.length >= before.processes.length + 2 && files.some((file) => qmpSocket.test(file));
      }).finally(() => stopping.abort()),
    ]);
    assert.deepEqual(await belongings(), before);
  });
});
