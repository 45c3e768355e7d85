import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

import {
  Batcher,
  FrameWriter,
  parseBatchPolicy,
  RunList,
  type HypercallClient,
} from '../../libraries/hypercall/index.js';
import { greet } from './testing/scripted-guest.js';
import { highRamAddress, lowRamBytes } from './testing/scripted-qemu.js';
import { deadlineMs, TwoHosts } from './testing/two-hosts.js';

const pageBytes = 4096;
const object = 'memory/pages-1.img';

/** A page whose every 8 bytes say where it is and which version of it this is. */
function pageOf(pfn: number, version = 0): Buffer {
  const page = Buffer.alloc(pageBytes);
  for (let at = 0; at < pageBytes; at += 8) page.writeDoubleLE(pfn * 1000 + version, at);
  return page;
}

function listOf(runs: readonly (readonly [pfn: number, count: number, page: number])[]): RunList {
  const list = new RunList();
  for (const [pfn, count, page] of runs) list.push(pfn, count, page);
  return list;
}

describe('two relays', function () {
  this.timeout(60_000);
  let hosts: TwoHosts;
  let guest: HypercallClient;

  before(async () => {
    hosts = await TwoHosts.start();
  });

  after(async () => {
    assert.deepEqual(await hosts.stop(), [0, 0]);
  });

  beforeEach(async () => {
    ({ client: guest } = await greet(hosts.vmA));
  });

  afterEach(async () => {
    await guest.close();
  });

  /** A port that the relay closes is opened by it again. */
  async function reconnected(): Promise<void> {
    const socket = await hosts.vmA.port('checkpoint');
    if (!socket.destroyed) await new Promise((resolve) => socket.once('close', resolve));
  }

  /** Fills guest pages and checks afterwards that they are what landed. */
  function fill(runs: RunList, version = 0): void {
    for (let index = 0; index < runs.length; index += 1) {
      for (let at = 0; at < runs.count(index); at += 1) {
        const pfn = runs.pfn(index) + at;
        hosts.vmA.write(pfn * pageBytes, pageOf(pfn, version));
      }
    }
  }

  function verify(migrationId: string, runs: RunList, version = 0): void {
    const landed = hosts.landed(migrationId, object);
    for (let index = 0; index < runs.length; index += 1) {
      for (let at = 0; at < runs.count(index); at += 1) {
        const place = (runs.page(index) + at) * pageBytes;
        assert.deepEqual(
          landed.subarray(place, place + pageBytes),
          pageOf(runs.pfn(index) + at, version),
          `page ${runs.page(index) + at}`,
        );
      }
    }
  }

  async function send(migrationId: string, runs: RunList, batch = 'adaptive'): Promise<Batcher> {
    const id = await guest.open(migrationId, object);
    const batcher = new Batcher({
      policy: parseBatchPolicy(batch),
      send: (list) => guest.send(id, list),
    });
    await batcher.add(runs);
    await batcher.finish();
    await guest.closeObject(id);
    return batcher;
  }

  it('know their VMs and what runs them', async () => {
    const { vms } = await hosts.relayA.client.call('GetHost', {}, { deadlineMs });
    const [vm] = vms;
    assert.equal(vm?.name, 'vm-a');
    assert.equal(vm.accelerator, 'tcg');
    assert.equal(vm.qemuVersion, '7.2.22');
    assert.deepEqual(vm.checkpoint, { ready: true, detail: '' });
    assert.match(vm.restore?.detail ?? '', /has not said HELLO/);
    assert.ok(vm.landingFreeBytes > 0 && vm.ramBytes > 200 * 2 ** 20);
  });

  it('move contiguous pages, byte by byte, across the hole in guest RAM', async () => {
    const runs = listOf([
      [0x100, 3000, 10],
      [highRamAddress / pageBytes, 5000, 4000],
      [lowRamBytes / pageBytes - 4, 4, 100_000],
    ]);
    fill(runs);
    await hosts.open('contiguous');
    await send('contiguous', runs);
    verify('contiguous', runs);
    const counts = await hosts.relayA.client.call(
      'GetTransfer',
      { migrationId: 'contiguous', vm: 'vm-a' },
      { deadlineMs },
    );
    assert.equal(counts.pages, runs.pageCount);
    assert.ok(statSync(hosts.landedPath('contiguous', object)).blocks * 512 < 20_000 * pageBytes, 'sparse');
    await hosts.close('contiguous');
  });

  it('move pages of which none follows on from another, and overwrite them in place', async () => {
    const runs = new RunList();
    for (let index = 0; index < 6000; index += 1) runs.push(0x200 + ((index * 7919) % 8000), 1, index * 2);
    for (const version of [1, 2]) {
      fill(runs, version);
      if (version === 1) await hosts.open('fragmented');
      await send('fragmented', runs);
      verify('fragmented', runs, version);
    }
    await hosts.close('fragmented');
  });

  it('take one hypercall per page when told so', async () => {
    const runs = listOf([[0x300, 200, 0]]);
    fill(runs);
    await hosts.open('fixed');
    const batcher = await send('fixed', runs, 'fixed:1');
    assert.equal(batcher.sends, 200);
    verify('fixed', runs);
    const { hypercalls } = await hosts.relayA.client.call(
      'GetTransfer',
      { migrationId: 'fixed', vm: 'vm-a' },
      { deadlineMs },
    );
    assert.equal(hypercalls, 202);
    await hosts.close('fixed');
  });

  it('send images, seal the landing, and leave nothing behind when closed', async () => {
    const migrationId = 'images';
    const outgoing = join(hosts.vmA.config.share, 'outgoing', migrationId);
    mkdirSync(join(outgoing, 'final/tmpfs'), { recursive: true });
    writeFileSync(join(outgoing, 'final/core-1.img'), 'core');
    writeFileSync(join(outgoing, 'final/tmpfs/dev.img'), Buffer.alloc(100_000, 'x'));
    writeFileSync(join(outgoing, 'not-sent'), '');
    symlinkSync('/etc/passwd', join(outgoing, 'final/passwd'));
    symlinkSync('../parent', join(outgoing, 'final/parent'));
    const runs = listOf([[0x400, 10, 0]]);
    await hosts.open(migrationId);
    await send(migrationId, runs);
    const sent = await hosts.relayA.client.call('SendImages', { migrationId, vm: 'vm-a' }, { deadlineMs });
    assert.deepEqual(sent, { files: 2, bytes: 100_004 });
    const sealed = await hosts.relayB.client.call('SealLanding', { migrationId, vm: 'vm-b' }, { deadlineMs });
    assert.deepEqual(sealed, { pages: 10, bytes: 10 * pageBytes + 100_004 });
    assert.equal(hosts.landed(migrationId, 'final/core-1.img').toString(), 'core');
    assert.equal(hosts.landed(migrationId, 'final/tmpfs/dev.img').length, 100_000);
    assert.deepEqual(readdirSync(hosts.landedPath(migrationId, 'final')).sort(), ['core-1.img', 'tmpfs']);
    await hosts.close(migrationId);
    await hosts.close(migrationId);
    assert.ok(!existsSync(outgoing));
    assert.ok(!existsSync(hosts.landedPath(migrationId, '')));
  });

  it('hold a rate limit within 5 %', async () => {
    const bytesPerSecond = 40 * 2 ** 20;
    const runs = listOf([[highRamAddress / pageBytes, 20_480, 0]]);
    await hosts.open('capped', bytesPerSecond);
    const startMs = performance.now();
    await send('capped', runs);
    const seconds = (performance.now() - startMs) / 1000;
    const ratio = (runs.pageCount * pageBytes) / seconds / bytesPerSecond;
    assert.ok(ratio > 0.95 && ratio < 1.05, `${ratio} of the limit`);
    await hosts.close('capped');
  });

  it('refuse a run outside RAM, close the port, and go on', async () => {
    await hosts.open('outside');
    for (const runs of [
      listOf([[0xc0, 1, 0]]),
      listOf([[lowRamBytes / pageBytes - 1, 2, 0]]),
      listOf([[2 ** 40 - 1, 1, 0]]),
      listOf([[0x100, 1, 2 ** 44]]),
    ]) {
      const id = await guest.open('outside', `memory/pages-${runs.pfn(0)}.img`);
      const closed = reconnected();
      const { landed } = await guest.send(id, runs);
      await assert.rejects(landed, { code: 'bad-run' });
      assert.equal(guest.error?.code, 'bad-run');
      await closed;
      ({ client: guest } = await greet(hosts.vmA));
    }
    assert.match(
      (await hosts.relayA.metric('portkey_hypercall_errors_total{vm="vm-a",code="bad-run"}')) ?? '',
      / 4$/,
    );
    await hosts.close('outside');
  });

  it('close the port at a bad frame, count it, and serve the agent that comes back', async () => {
    const socket = await hosts.vmA.port('checkpoint');
    const closed = reconnected();
    socket.write(Buffer.alloc(100, 'rubbish'));
    await closed;
    assert.equal(guest.error?.code, 'bad-frame');
    const { vms } = await hosts.relayA.client.call('GetHost', {}, { deadlineMs });
    assert.equal(vms[0]?.checkpoint?.ready, false);
    assert.match(vms[0].checkpoint.detail, /closed: .*not with PKHC|has not said HELLO/);
    const again = await greet(hosts.vmA);
    assert.equal(again.grant.credits, 16);
    await again.client.close();
  });

  it('refuse more SENDs than they granted', async () => {
    await hosts.open('credits', 4096);
    const socket = await hosts.vmA.port('checkpoint');
    const writer = new FrameWriter();
    // The guest's HELLO had sequence 0; go on from there behind the client's back.
    writer.encode({ type: 'bye' });
    const frames = [writer.encode({ type: 'open', object: 1, migrationId: 'credits', name: object }).bytes];
    for (let index = 0; index < 17; index += 1) {
      frames.push(writer.encode({ type: 'send', object: 1, runs: listOf([[0x100, 1, index]]) }).bytes);
    }
    const closed = reconnected();
    socket.write(Buffer.concat(frames));
    await closed;
    assert.match(guest.error?.message ?? '', /more than 16 SENDs/);
    await hosts.close('credits');
  });

  it('tell a guest about a migration that they do not know, and leave its channel alone', async () => {
    const id = await guest.open('nobody', object);
    const { landed } = await guest.send(id, listOf([[0x100, 1, 0]]));
    await assert.rejects(landed, { code: 'session-unknown', message: /nobody/ });
    assert.equal(guest.error, undefined);
  });

  it('refuse a HELLO whose nonce is not in RAM, or that is too large, or of the other agent', async () => {
    const cases = [
      [{ pageHolds: Buffer.alloc(32, 1) }, 'nonce-mismatch', /vm-a is not the RAM of this VM: check ramFile/],
      [{ nonceAddress: 0xc0000 }, 'nonce-mismatch', /check ramFile/],
      [{ memoryBytes: 2 ** 40 }, 'nonce-mismatch', /check checkpointSocket/],
    ] as const;
    for (const [options, code, message] of cases) {
      await assert.rejects(greet(hosts.vmA, options), { code, message });
      const { vms } = await hosts.relayA.client.call('GetHost', {}, { deadlineMs });
      assert.match(vms[0]?.checkpoint?.detail ?? '', message);
    }
    await assert.rejects(
      hosts.relayA.client.call(
        'OpenStream',
        { migrationId: 'm', vm: 'vm-a', address: '127.0.0.1', port: 1, token: '', bytesPerSecond: 0 },
        { deadlineMs },
      ),
      { code: 'no-hypercall-channel' },
    );
  });

  it('abort what an agent that restarts had in flight', async () => {
    await hosts.open('restarted', 4096);
    const id = await guest.open('restarted', object);
    await guest.send(id, listOf([[0x100, 100, 0]]));
    const { client } = await greet(hosts.vmA);
    const next = await client.open('restarted', object);
    const { landed } = await client.send(next, listOf([[0x100, 1, 0]]));
    await assert.rejects(landed, { code: 'channel-closed', message: /HELLO anew/ });
    await hosts.close('restarted');
  });

  it('end a stream whose session is closed at the other side, and say so to the guest', async () => {
    await hosts.open('dies', 2 ** 20);
    const id = await guest.open('dies', object);
    const { landed } = await guest.send(id, listOf([[0x100, 2000, 0]]));
    await hosts.relayB.client.call('CloseSession', { migrationId: 'dies', vm: 'vm-b' }, { deadlineMs });
    await assert.rejects(landed, { code: 'stream-broken' });
    await assert.rejects(
      hosts.relayA.client.call('SendImages', { migrationId: 'dies', vm: 'vm-a' }, { deadlineMs }),
      { code: 'stream-broken' },
    );
    assert.equal(guest.error, undefined);
    await hosts.close('dies');
  });

  it('abort a stream whose receiver stalls', async () => {
    const stalled = createServer((socket) => {
      socket.once('data', () => {
        // WELCOME, and then nothing more is read.
        const welcome = Buffer.alloc(32);
        welcome.write('PKST');
        welcome.writeUInt16LE(1, 4);
        welcome.writeUInt16LE(129, 6);
        socket.write(welcome);
        socket.pause();
      });
    });
    await new Promise<void>((resolve) => stalled.listen(0, '127.0.0.1', resolve));
    const { port } = stalled.address() as { port: number };
    try {
      await hosts.relayA.client.call(
        'OpenStream',
        {
          migrationId: 'stalled',
          vm: 'vm-a',
          address: '127.0.0.1',
          port,
          token: 'ab'.repeat(32),
          bytesPerSecond: 0,
        },
        { deadlineMs },
      );
      const id = await guest.open('stalled', object);
      const { landed } = await guest.send(id, listOf([[highRamAddress / pageBytes, 16_384, 0]]));
      await new Promise((resolve) => setTimeout(resolve, 200));
      const startMs = performance.now();
      await hosts.relayA.client.call('CloseSession', { migrationId: 'stalled', vm: 'vm-a' }, { deadlineMs });
      assert.ok(performance.now() - startMs < 2000);
      await assert.rejects(landed, { code: 'stream-broken' });
    } finally {
      stalled.close();
    }
  });

  it('admit no stream without the token, and still admit the right one', async () => {
    const migrationId = 'guarded';
    const landing = await hosts.relayB.client.call(
      'OpenLanding',
      { migrationId, vm: 'vm-b', expectedBytes: 1 },
      { deadlineMs },
    );
    const stream = {
      migrationId,
      vm: 'vm-a',
      address: landing.address,
      port: landing.port,
      bytesPerSecond: 0,
    };
    await assert.rejects(
      hosts.relayA.client.call('OpenStream', { ...stream, token: '00'.repeat(32) }, { deadlineMs }),
      { code: 'session-unknown', message: /token/ },
    );
    await hosts.relayA.client.call('OpenStream', { ...stream, token: landing.token }, { deadlineMs });
    const runs = listOf([[0x100, 1, 0]]);
    fill(runs);
    await send(migrationId, runs);
    verify(migrationId, runs);
    await hosts.close(migrationId);
  });

  it('do not follow a link that the guest put in its landing folder', async () => {
    await hosts.open('trap');
    symlinkSync('/dev/shm', hosts.landedPath('trap', 'memory'));
    const id = await guest.open('trap', object);
    const { landed } = await guest.send(id, listOf([[0x100, 1, 0]]));
    await assert.rejects(landed, { code: 'internal', message: /ELOOP|EEXIST|ENOTDIR/ });
    await hosts.close('trap');
    const escaping = await guest.open('trap', '../../x');
    await assert.rejects((await guest.send(escaping, listOf([[0x100, 1, 0]]))).landed);
  });

  it('refuse unknown VMs, bad ids, a second landing, and one without room', async () => {
    const call = (vm: string, migrationId: string, expectedBytes: number): Promise<unknown> =>
      hosts.relayB.client.call('OpenLanding', { migrationId, vm, expectedBytes }, { deadlineMs });
    await assert.rejects(call('vm-x', 'm', 1), { code: 'vm-unknown' });
    await assert.rejects(call('vm-b', '../m', 1), { code: 'invalid-argument' });
    await assert.rejects(call('vm-b', 'm', 2 ** 50), { code: 'no-room', message: /free space in/ });
    await call('vm-b', 'm', 1);
    await assert.rejects(call('vm-b', 'm', 1), { code: 'transition-refused' });
    await assert.rejects(
      hosts.relayB.client.call('SealLanding', { migrationId: 'm', vm: 'vm-b' }, { deadlineMs: 300 }),
      { code: 'deadline-exceeded' },
    );
    await hosts.close('m');
    await assert.rejects(
      hosts.relayB.client.call('SealLanding', { migrationId: 'm', vm: 'vm-b' }, { deadlineMs }),
      { code: 'session-unknown' },
    );
  });

  it('account for the CPU of the VM', async () => {
    const reading = await hosts.relayA.client.call('ReadCpu', { vm: 'vm-a' }, { deadlineMs });
    assert.ok((reading.used?.vm ?? 0) > 0 && (reading.used?.relay ?? 0) > 0);
    assert.ok(reading.atSeconds > 0 && reading.idlePerSecond !== null);
  });
});
