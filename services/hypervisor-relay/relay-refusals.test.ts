/** What a guest, a controller or a stranger on the network must not get. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import { FrameWriter, maxBytesBeforeProof } from '../../libraries/hypercall/index.js';
import { PAGE_BYTES } from '../../libraries/units/index.js';
import { listOf, object, withRelays } from './testing/relays.js';
import { greet } from './testing/scripted-guest.js';
import { lowRamBytes, type ScriptedQemu } from './testing/scripted-qemu.js';
import { deadlineMs } from './testing/two-hosts.js';

describe('two relays, asked for what they must not do,', function () {
  this.timeout(60_000);
  const relays = withRelays();

  it('refuse a run outside RAM, close the port, and go on', async () => {
    await relays.hosts.open('outside');
    for (const runs of [
      listOf([[0xc0, 1, 0]]),
      listOf([[lowRamBytes / PAGE_BYTES - 1, 2, 0]]),
      listOf([[2 ** 40 - 1, 1, 0]]),
      listOf([[0x100, 1, 2 ** 44]]),
    ]) {
      const id = await relays.guest.open('outside', `memory/pages-${runs.pfn(0)}.img`);
      const closed = relays.reconnected();
      const { landed } = await relays.guest.send(id, runs);
      await assert.rejects(landed, { code: 'bad-run' });
      assert.equal(relays.guest.error?.code, 'bad-run');
      await closed;
      await relays.greet();
    }
    assert.match(
      (await relays.hosts.relayA.metric('portkey_hypercall_errors_total{vm="vm-a",code="bad-run"}')) ?? '',
      / 4$/,
    );
    await relays.hosts.close('outside');
  });

  it('close the port at a bad frame, count it, and serve the agent that comes back', async () => {
    const socket = await relays.hosts.vmA.port('checkpoint');
    const closed = relays.reconnected();
    socket.write(Buffer.alloc(100, 'rubbish'));
    await closed;
    assert.equal(relays.guest.error?.code, 'bad-frame');
    const { vms } = await relays.hosts.relayA.client.call('GetHost', {}, { deadlineMs });
    assert.equal(vms[0]?.checkpoint?.ready, false);
    assert.match(vms[0].checkpoint.detail, /closed: .*not with PKHC|has not said HELLO/);
    const again = await greet(relays.hosts.vmA);
    assert.equal(again.grant.credits, 16);
    await again.client.close();
  });

  it('ask QEMU about one HELLO at a time, however many come, and answer the last', async () => {
    const { vmA } = relays.hosts;
    const socket = await vmA.port('checkpoint');
    const hello = new FrameWriter().encode({
      ...{ type: 'hello', agent: 'checkpoint', nonce: Buffer.alloc(32, 1), nonceAddress: lowRamBytes / 2 },
      ...{ memoryBytes: lowRamBytes, pageBytes: PAGE_BYTES, kernel: '6.12.0-test' },
    });
    const before = vmA.qmpConnections;
    socket.write(Buffer.concat(Array(2_000).fill(hello.bytes)));
    // The flood may come in several pieces, and each is answered before what comes after it.
    const isGreeted = (): Promise<boolean> => relays.greet().then(Boolean, () => false);
    while (!(await isGreeted()));
    // Each takes two.
    assert.ok(vmA.qmpConnections - before < 40, `${vmA.qmpConnections - before} connections to QMP`);
    const { vms } = await relays.hosts.relayA.client.call('GetHost', {}, { deadlineMs });
    assert.equal(vms[0]?.checkpoint?.ready, true);
  });

  it('close the port of a guest that writes and writes, and proves nothing', async () => {
    const { vmA } = relays.hosts;
    const socket = await vmA.port('checkpoint');
    const writer = new FrameWriter();
    // The guest's HELLO had sequence 0; go on from there behind the client's back, and end what it has begun.
    writer.encode({ type: 'bye' });
    const frames = [writer.encode({ type: 'bye' }).bytes];
    for (let byteCount = 0; byteCount <= 2 * maxBytesBeforeProof; byteCount += frames.at(-1)?.length ?? 0)
      frames.push(writer.encode({ type: 'close', object: 1 }).bytes);
    const closed = relays.reconnected();
    socket.write(Buffer.concat(frames));
    await closed;
    assert.match(relays.guest.error?.message ?? '', /without a HELLO that is true/);
    await relays.greet();
  });

  it('refuse more SENDs than they granted', async () => {
    await relays.hosts.open('credits', 4096);
    const socket = await relays.hosts.vmA.port('checkpoint');
    const writer = new FrameWriter();
    // The guest's HELLO had sequence 0; go on from there behind the client's back.
    writer.encode({ type: 'bye' });
    const frames = [writer.encode({ type: 'open', object: 1, migrationId: 'credits', name: object }).bytes];
    for (let index = 0; index < 17; index += 1) {
      frames.push(writer.encode({ type: 'send', object: 1, runs: listOf([[0x100, 1, index]]) }).bytes);
    }
    const closed = relays.reconnected();
    socket.write(Buffer.concat(frames));
    await closed;
    assert.match(relays.guest.error?.message ?? '', /more than 16 SENDs/);
    await relays.hosts.close('credits');
  });

  it('close the port of a guest that does not read what it is answered', async () => {
    const socket = await relays.hosts.vmA.port('checkpoint');
    const before = relays.hosts.relayA.anonymousBytes;
    const writer = new FrameWriter();
    // The guest's HELLO had sequence 0; go on from there behind the client's back.
    writer.encode({ type: 'bye' });
    const frames = Array.from({ length: 40_000 }, () => [
      writer.encode({ type: 'open', object: 1, migrationId: 'nobody', name: object }).bytes,
      writer.encode({ type: 'close', object: 1 }).bytes,
    ]);
    const closed = relays.reconnected();
    socket.pause().write(Buffer.concat(frames.flat()));
    await closed;
    const grown = relays.hosts.relayA.anonymousBytes - before;
    assert.ok(grown < 64 * 2 ** 20, `the relay grew by ${grown} bytes`);
    await relays.greet();
  });

  it('close the port after a bad frame also where the guest goes on writing and reads nothing', async () => {
    const socket = await relays.hosts.vmA.port('checkpoint');
    const writer = new FrameWriter();
    // The guest's HELLO had sequence 0; go on from there behind the client's back.
    writer.encode({ type: 'bye' });
    // Their answers fill the socket, and less of them waits in the relay than it is closed for.
    const frames = Array.from({ length: 3_000 }, () => [
      writer.encode({ type: 'open', object: 1, migrationId: 'nobody', name: object }).bytes,
      writer.encode({ type: 'close', object: 1 }).bytes,
    ]);
    const rubbish = Buffer.alloc(2 ** 20, 'rubbish');
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.pause().write(Buffer.concat(frames.flat()));
    let taken = 0;
    const writeOn = (error?: Error | null): void => {
      if (error) return;
      taken += 1;
      socket.write(rubbish, writeOn);
    };
    socket.write(rubbish, writeOn);
    await Promise.race([closed, setTimeout(5_000)]);
    const isClosed = socket.destroyed;
    socket.destroy();
    assert.ok(isClosed, `the port is still open, and ${taken} MiB were taken`);
    assert.ok(taken < 2, `${taken} MiB were read of a guest that had its bad frame`);
    await relays.greet();
  });

  it('take runs that overlap in the order in which they come', async () => {
    const { hosts } = relays;
    const runs = listOf([
      [0x100, 4, 0],
      [0x102, 4, 4],
      [0x100, 2, 1],
    ]);
    relays.fill(runs);
    await hosts.open('overlapping');
    await relays.send('overlapping', runs);
    const pfns = [0x100, 0x100, 0x101, 0x103, 0x102, 0x103, 0x104, 0x105];
    const expected = Buffer.concat(pfns.map((pfn) => hosts.vmA.read(pfn * PAGE_BYTES, PAGE_BYTES)));
    assert.deepEqual(hosts.landed('overlapping', object), expected);
    await hosts.close('overlapping');
  });

  it('tell a guest about a migration that they do not know, and leave its channel alone', async () => {
    const id = await relays.guest.open('nobody', object);
    const { landed } = await relays.guest.send(id, listOf([[0x100, 1, 0]]));
    await assert.rejects(landed, { code: 'session-unknown', message: /nobody/ });
    assert.equal(relays.guest.error, undefined);
  });

  it('refuse a HELLO whose nonce is not in RAM, or that is too large, or of the other agent', async () => {
    const cases = [
      [{ pageHolds: Buffer.alloc(32, 1) }, 'nonce-mismatch', /vm-a is not the RAM of this VM: check ramFile/],
      [{ nonceAddress: 0xc0000 }, 'nonce-mismatch', /check ramFile/],
      [{ memoryBytes: 2 ** 40 }, 'nonce-mismatch', /check checkpointSocket/],
    ] as const;
    for (const [options, code, message] of cases) {
      await assert.rejects(greet(relays.hosts.vmA, options), { code, message });
      const { vms } = await relays.hosts.relayA.client.call('GetHost', {}, { deadlineMs });
      assert.match(vms[0]?.checkpoint?.detail ?? '', message);
    }
    await assert.rejects(relays.hosts.openStream('m', { address: '127.0.0.1', port: 1, token: '' }), {
      code: 'no-hypercall-channel',
    });
  });

  it('admit no stream without the token, and still admit the right one', async () => {
    const migrationId = 'guarded';
    const landing = await relays.hosts.openLanding(migrationId);
    const refused = { code: 'session-unknown', message: /token/ };
    await assert.rejects(
      relays.hosts.openStream(migrationId, { ...landing, token: '00'.repeat(32) }),
      refused,
    );
    await relays.hosts.openStream(migrationId, landing);
    const runs = listOf([[0x100, 1, 0]]);
    relays.fill(runs);
    await relays.send(migrationId, runs);
    relays.verify(migrationId, runs);
    await relays.hosts.close(migrationId);
  });

  it('do not follow a link that the guest put in its landing folder', async () => {
    await relays.hosts.open('trap');
    symlinkSync('/dev/shm', relays.hosts.landedPath('trap', 'memory'));
    const id = await relays.guest.open('trap', object);
    const { landed } = await relays.guest.send(id, listOf([[0x100, 1, 0]]));
    await assert.rejects(landed, {
      code: 'share-tampered',
      message: /landing\/trap\/memory.* is behind, a link/,
    });
    await relays.hosts.close('trap');
    const escaping = await relays.guest.open('trap', '../../x');
    await assert.rejects((await relays.guest.send(escaping, listOf([[0x100, 1, 0]]))).landed);
  });

  describe('where the guest put a link in the place of a folder of ours,', () => {
    /** While `act` runs, the folder of the share is a link to this one, which is outside of it and is made for that. */
    async function swapped(
      { folder, config }: ScriptedQemu,
      name: 'landing' | 'outgoing',
      act: (outside: string) => Promise<void>,
    ): Promise<void> {
      const outside = join(folder, 'outside');
      const place = join(config.share, name);
      mkdirSync(outside);
      renameSync(place, join(config.share, 'away'));
      symlinkSync(outside, place);
      try {
        await act(outside);
      } finally {
        rmSync(place);
        renameSync(join(config.share, 'away'), place);
        rmSync(outside, { recursive: true });
      }
    }

    it('land nothing where it leads', async () => {
      const { hosts, guest } = relays;
      const landing = await hosts.openLanding('planted');
      await swapped(hosts.vmB, 'landing', async (outside) => {
        mkdirSync(join(outside, 'planted'));
        await hosts.openStream('planted', landing);
        const id = await guest.open('planted', 'core-1.img');
        const { landed } = await guest.send(id, listOf([[0x100, 1, 0]]));
        await assert.rejects(landed, {
          code: 'share-tampered',
          message: /landing\/planted is, or is behind, a link/,
        });
        assert.deepEqual(readdirSync(join(outside, 'planted')), []);
      });
      await hosts.close('planted');
    });

    it('send nothing from where it leads', async () => {
      const { hosts } = relays;
      await hosts.open('bait');
      await swapped(hosts.vmA, 'outgoing', async (outside) => {
        mkdirSync(join(outside, 'bait/final'), { recursive: true });
        writeFileSync(join(outside, 'bait/final/core-1.img'), 'of the host');
        const sent = hosts.relayA.client.call(
          'SendImages',
          { migrationId: 'bait', vm: 'vm-a' },
          { deadlineMs },
        );
        await assert.rejects(sent, {
          code: 'share-tampered',
          message: /outgoing\/bait is, or is behind, a link/,
        });
      });
      assert.deepEqual(readdirSync(hosts.landedPath('bait', '')), []);
      await hosts.close('bait');
    });
  });

  it('serve no VM that they were not given, whatever is asked of it', async () => {
    const { client } = relays.hosts.relayB;
    const migrationId = 'of-another-host';
    // vm-a is the other relay's.
    const session = { migrationId, vm: 'vm-a' };
    const landing = { address: '127.0.0.1', port: 1, token: 'ab'.repeat(32) };
    const calls: readonly (() => Promise<unknown>)[] = [
      () => client.call('OpenLanding', { ...session, expectedBytes: 1 }, { deadlineMs }),
      () => client.call('OpenStream', { ...session, ...landing }, { deadlineMs }),
      () => client.call('SendImages', session, { deadlineMs }),
      () => client.call('SealLanding', session, { deadlineMs }),
      () => client.call('GetTransfer', session, { deadlineMs }),
      () => client.call('CloseSession', session, { deadlineMs }),
      () => client.call('ReadCpu', session, { deadlineMs }),
    ];
    for (const call of calls)
      await assert.rejects(call(), { code: 'vm-unknown', message: /not given a VM 'vm-a'/ });
  });

  it('open nothing for a call that was meant for an earlier start of theirs, which may have ended the migration', async () => {
    const { relayA, relayB } = relays.hosts;
    const [{ relayStart } = { relayStart: '' }] = (await relayB.client.call('GetHost', {}, { deadlineMs }))
      .vms;
    const land = (start: string): Promise<unknown> => {
      const wish = { migrationId: 'late', vm: 'vm-b', expectedBytes: 1, relayStart: start };
      return relayB.client.call('OpenLanding', wish, { deadlineMs });
    };
    const before = {
      code: 'relay-unavailable',
      message: /started anew after migration late had looked at it/,
    };
    await assert.rejects(land('another'), before);
    await land(relayStart);
    const stream = { migrationId: 'late', vm: 'vm-a', address: '127.0.0.1', port: 1, token: 'ab'.repeat(32) };
    await assert.rejects(relayA.client.call('OpenStream', { ...stream, relayStart }, { deadlineMs }), before);
    await relays.hosts.close('late');
  });

  it('refuse unknown VMs, bad ids, a second landing, and one without room', async () => {
    const call = (vm: string, migrationId: string, expectedBytes: number): Promise<unknown> =>
      relays.hosts.relayB.client.call('OpenLanding', { migrationId, vm, expectedBytes }, { deadlineMs });
    await assert.rejects(call('vm-x', 'm', 1), { code: 'vm-unknown' });
    await assert.rejects(call('vm-b', '../m', 1), { code: 'invalid-argument' });
    await assert.rejects(call('vm-b', 'm', 2 ** 50), { code: 'no-room', message: /free space in/ });
    await call('vm-b', 'm', 1);
    await assert.rejects(call('vm-b', 'm', 1), { code: 'transition-refused' });
    await assert.rejects(
      relays.hosts.relayB.client.call('SealLanding', { migrationId: 'm', vm: 'vm-b' }, { deadlineMs: 300 }),
      { code: 'deadline-exceeded' },
    );
    await relays.hosts.close('m');
    await assert.rejects(
      relays.hosts.relayB.client.call('SealLanding', { migrationId: 'm', vm: 'vm-b' }, { deadlineMs }),
      { code: 'session-unknown' },
    );
  });
});
