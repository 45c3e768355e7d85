import assert from 'node:assert/strict';
import { truncateSync } from 'node:fs';

import { RelayProcess } from './testing/relay-process.js';
import { greet } from './testing/scripted-guest.js';
import { ScriptedQemu, type QemuOptions } from './testing/scripted-qemu.js';
import { deadlineMs, TwoHosts } from './testing/two-hosts.js';
import { RunList } from '../../libraries/hypercall/index.js';

/** What a HELLO is answered with, and what GetHost says then. */
async function refusalOf(
  options: QemuOptions,
  prepare: (qemu: ScriptedQemu) => void,
): Promise<{ code: string; message: string; detail: string }> {
  const qemu = await ScriptedQemu.start('vm-a', options);
  const relay = await RelayProcess.start('host-a', [qemu]);
  try {
    prepare(qemu);
    const error = await greet(qemu).then(
      () => assert.fail('HELLO was not refused'),
      (thrown: unknown) => thrown as { code: string; message: string },
    );
    const { vms } = await relay.client.call('GetHost', {}, { deadlineMs });
    return { code: error.code, message: error.message, detail: vms[0]?.checkpoint?.detail ?? '' };
  } finally {
    await relay.stop();
  }
}

describe('a relay whose VM is not as it should be', function () {
  this.timeout(30_000);

  it('says how to start a VM whose memory is not shared', async () => {
    const { code, message, detail } = await refusalOf({ share: false }, () => undefined);
    assert.equal(code, 'ram-not-shared');
    assert.match(
      message,
      /vm-a cannot be read by this host: its memory backend ram0 is not shared; start it with share=on/,
    );
    assert.equal(detail, message);
  });

  it('names a RAM file that is missing, or too short', async () => {
    const missing = await refusalOf({}, (qemu) => qemu.removeRamFile());
    assert.equal(missing.code, 'ram-not-shared');
    assert.match(missing.message, /ram does not exist; check ramFile/);
    const short = await refusalOf({}, (qemu) => truncateSync(qemu.config.ramFile, 100 * 2 ** 20));
    assert.equal(short.code, 'ram-not-shared');
    assert.match(short.message, /ram has 100 MiB, its RAM 256 MiB/);
  });

  it('takes no pages from the restore service', async () => {
    const qemu = await ScriptedQemu.start('vm-a');
    const relay = await RelayProcess.start('host-a', [qemu]);
    try {
      const { client } = await greet(qemu, { agent: 'restore' });
      const object = await client.open('m', 'x');
      const runs = new RunList();
      runs.push(256, 1, 0);
      await assert.rejects((await client.send(object, runs)).landed, { code: 'session-unknown' });
      await client.close();
    } finally {
      await relay.stop();
    }
  });
});

describe('a relay that dies', function () {
  this.timeout(30_000);

  it('takes the stream with it: the other one ends it and goes on', async () => {
    const hosts = await TwoHosts.start();
    try {
      const { client } = await greet(hosts.vmA);
      await hosts.open('dies', 4 * 2 ** 20);
      const object = await client.open('dies', 'memory/pages-1.img');
      const runs = new RunList();
      runs.push(0x100, 8000, 0);
      const { landed } = await client.send(object, runs);
      hosts.relayB.kill();
      await assert.rejects(landed, { code: 'stream-broken' });
      const { vms } = await hosts.relayA.client.call('GetHost', {}, { deadlineMs });
      assert.equal(vms[0]?.checkpoint?.ready, true);
      await client.close();
    } finally {
      assert.equal((await hosts.stop())[0], 0);
    }
  });
});
