/**
 * `migrate --verify` on real VMs: what landed is compared with what stands frozen, and what differs is refused.
 */
import assert from 'node:assert/strict';
import { open, readFile } from 'node:fs/promises';
import path from 'node:path';

import { decodePagemap, pagemapFlag } from '../../libraries/criu-images/index.js';
import { withTestbed } from './support/fixture.js';
import { HeldRestore } from './support/held-restore.js';
import { shares } from './support/memory-programs.js';
import { OutsideConnection } from './support/outside-connection.js';
import {
  migrate,
  portkeyJson,
  portkeyOk,
  startPortkey,
  untilState,
  type MigrationReport,
} from './support/portkey.js';
import { untilHealthy } from './support/processes.js';
import { taskTable } from './support/tasks.js';
import { redis, threadedPython } from './support/workloads.js';

const pageBytes = 4096;
const landings = '/dev/shm/portkey/share/vm-b/landing';

/** Of the first task's pages that the relay landed, the last one: what is digested last. Returns its address. */
async function flipLandedByte(migrationId: string): Promise<number> {
  const folder = path.join(landings, migrationId);
  const name = 'pagemap-1.img';
  const { runs } = decodePagemap(name, await readFile(path.join(folder, 'final', name)));
  const last = runs.filter(({ flags }) => (flags & pagemapFlag.parent) !== 0).at(-1);
  assert.ok(last, 'CRIU found pages that were sent');
  const address = (last.page + last.pageCount - 1) * pageBytes;
  const file = await open(path.join(folder, 'memory/pages-1.img'), 'r+');
  try {
    const byte = Buffer.alloc(1);
    assert.equal((await file.read(byte, 0, 1, address)).bytesRead, 1);
    await file.write(Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, address);
  } finally {
    await file.close();
  }
  return address;
}

describe('a migration that is verified', function () {
  this.timeout(300_000);
  withTestbed();

  describe('of a program with threads and a child', () => {
    const workload = threadedPython();
    before(() => workload.start('vm-a'));
    after(() => workload.stop());

    for (const [mode, to] of [
      ['portkey', 'vm-b'],
      ['criu', 'vm-a'],
    ] as const) {
      it(`finds all its pages where they should be, in ${mode} mode`, async () => {
        const report = await migrate(workload.name, to, mode, '--verify');
        assert.deepEqual([report.outcome, report.mode], ['completed', mode]);
        const { pageDigest, memoryBytes, downtimeSeconds } = report;
        assert.equal(pageDigest?.alike, true);
        assert.ok(
          pageDigest.pages * pageBytes > 0.9 * memoryBytes,
          `${pageDigest.pages} pages of ${memoryBytes} bytes`,
        );
        assert.ok(pageDigest.seconds > 0 && pageDigest.seconds < downtimeSeconds);
        assert.ok(pageDigest.source.cpuSeconds > 0 && pageDigest.destination.cpuSeconds > 0);
        await workload.check();
      });
    }
  });

  describe('of a program with shared memory', () => {
    let ip = '';
    before(async () => {
      ({ ip } = await portkeyJson<{ ip: string }>(
        'run', 'vm-a', 'shares', '--rootfs', '/', '--tmpfs', '/tmp', '--', 'perl', '-e', shares,
      )); // prettier-ignore
      using connection = await OutsideConnection.open(ip, 7000);
      assert.equal(await connection.ask('?\n', /\n$/), 'True\n');
    });
    after(() => portkeyOk('stop', 'shares'));

    for (const [mode, to] of [
      ['portkey', 'vm-b'],
      ['criu', 'vm-a'],
    ] as const) {
      it(`finds all of that where it should be, too, in ${mode} mode`, async () => {
        const { outcome, memoryBytes, pageDigest } = await migrate('shares', to, mode, '--verify');
        assert.equal(outcome, 'completed');
        assert.equal(pageDigest?.alike, true);
        assert.equal(pageDigest.sharedPages, 0, 'none of it is out of reach');
        // Beside what both processes have of their own.
        assert.ok(pageDigest.pages * pageBytes - memoryBytes > 23 << 20, `${pageDigest.pages} pages`);
        using connection = await OutsideConnection.open(ip, 7000);
        assert.equal(await connection.ask('?\n', /\n$/), 'True\n');
      });
    }
  });

  describe('of a Redis of which a landed byte is another one', () => {
    const workload = redis('24M', '1M');
    before('agents that are all back, and a running Redis', async () => {
      await untilHealthy();
      await workload.start('vm-a');
    });
    after(() => workload.stop());

    it('is rolled back, and says where; the next one is completed', async () => {
      const tasks = await taskTable('vm-a', 'redis');
      const restore = await HeldRestore.watch('vm-b');
      const migration = startPortkey(['--json', 'migrate', 'redis', '--to', 'vm-b', '--verify']);
      let address = 0;
      try {
        const id = await untilState(['landed'], migration.ended);
        await restore.untilStopped();
        address = await flipLandedByte(id);
      } finally {
        await restore.release();
      }
      const { exitCode, stdout, stderr } = await migration.ended;
      assert.equal(exitCode, 1, stderr);
      const report = JSON.parse(stdout) as MigrationReport;
      assert.deepEqual([report.outcome, report.error?.code], ['rolled-back', 'digest-mismatch']);
      assert.equal(report.pageDigest?.alike, false);
      const region = address - (address % 2 ** 21);
      assert.ok(
        report.error?.message.includes(`1 differ, first that at 0x${region.toString(16)} of task 1;`),
        report.error?.message,
      );
      assert.equal(await taskTable('vm-a', 'redis'), tasks, 'the same tasks run on the source');
      await workload.check();
      assert.equal((await migrate('redis', 'vm-b', 'portkey', '--verify')).outcome, 'completed');
      await workload.check();
    });
  });
});
