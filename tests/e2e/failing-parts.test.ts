/**
 * Parts of a running test bed that are not there, hang, or are wrong: what a migration makes of them.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { withTestbed } from './support/fixture.js';
import { portkey, portkeyJson, type MigrationReport } from './support/portkey.js';
import { relayConfigOf, ReplacedRelay, untilHealthy, whileStopped } from './support/processes.js';
import { redis } from './support/workloads.js';

/** QEMU says which file its memory is in; the nonce in a page of the guest's would tell, too. */
const wrongRam = /none of its memory backends is .*ram-vm-b/;

describe('a part that does not work', function () {
  this.timeout(180_000);
  withTestbed();

  describe('does a running Redis no harm:', () => {
    const workload = redis('16M', '1M');
    let folder = '';
    before('a running Redis', async () => {
      folder = await mkdtemp(path.join(tmpdir(), 'portkey-broken-'));
      await workload.start('vm-a');
    });
    after(async () => {
      await workload.stop();
      await rm(folder, { recursive: true });
    });
    afterEach('the container runs, and its client is served', () => workload.check());

    it('a relay that hangs: refused, and says which', async () => {
      const { exitCode, stderr } = await whileStopped('relay-host-b', () =>
        portkey('migrate', 'redis', '--to', 'vm-b'),
      );
      assert.equal(exitCode, 3, stderr);
      assert.match(stderr, /relay of host-b .*(does not answer|did not answer in time)/);
      await untilHealthy();
    });

    it('a Redis that hangs: refused, and says so', async () => {
      const { exitCode, stderr } = await whileStopped('redis', () =>
        portkey('migrate', 'redis', '--to', 'vm-b'),
      );
      assert.equal(exitCode, 3, stderr);
      assert.match(stderr, /Redis .*does not answer/);
      await untilHealthy();
    });

    it("another VM's RAM file: says so, and moves the container in CRIU mode", async () => {
      const config = await relayConfigOf('host-a');
      const [other] = (await relayConfigOf('host-b')).vms;
      const file = path.join(folder, 'relay-a.json');
      const vms = config.vms.map((vm) => ({ ...vm, ramFile: other?.ramFile }));
      await writeFile(file, JSON.stringify({ ...config, vms }));
      const relay = await ReplacedRelay.start('host-a', file);
      try {
        const report = await untilRefused(() =>
          portkeyJson<MigrationReport & { warnings: string[] }>('migrate', 'redis', '--to', 'vm-b'),
        );
        assert.deepEqual([report.mode, report.outcome], ['criu', 'completed']);
        assert.match(report.warnings.join(), wrongRam);
      } finally {
        await relay.putBack();
      }
      await untilHealthy();
      const back = await portkeyJson<MigrationReport>('migrate', 'redis', '--to', 'vm-a');
      assert.deepEqual([back.mode, back.outcome], ['portkey', 'completed']);
    });
  });

  /** The new relay is asked once it answers `doctor`, whatever it answers about its VM. */
  async function untilRefused<T>(then: () => Promise<T>): Promise<T> {
    for (let tries = 0; tries < 30; tries += 1) {
      const { stdout } = await portkey('doctor');
      if (wrongRam.test(stdout)) return then();
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
    return assert.fail('doctor says nothing about the RAM file');
  }
});
