/** Agents that restart, sessions that are closed, receivers that stall: nobody waits for ever. */
import assert from 'node:assert/strict';
import { createServer } from 'node:tls';

import { PAGE_BYTES } from '../../libraries/units/index.js';
import { encodeMessage } from './stream/protocol.js';
import { listOf, object, withRelays } from './testing/relays.js';
import { greet } from './testing/scripted-guest.js';
import { highRamAddress } from './testing/scripted-qemu.js';
import { relayB } from './testing/test-certificates.js';
import { deadlineMs, TwoHosts } from './testing/two-hosts.js';

/** For JavaScript's own heap; what is on its way is 768 MiB. */
const boundBytes = 32 * 2 ** 20;

for (const streamCount of [1, 2])
  describe(`a migration over ${streamCount} stream(s) that ends before its time`, function () {
    this.timeout(60_000);
    const relays = withRelays(() => TwoHosts.start({ streams: streamCount }));

    it('abort what an agent that restarts had in flight', async () => {
      await relays.hosts.open('restarted', 4096);
      relays.fill(listOf([[0x100, 100, 0]]));
      const id = await relays.guest.open('restarted', object);
      await relays.guest.send(id, listOf([[0x100, 100, 0]]));
      const { client } = await greet(relays.hosts.vmA);
      const next = await client.open('restarted', object);
      const { landed } = await client.send(next, listOf([[0x100, 1, 0]]));
      await assert.rejects(landed, { code: 'channel-closed', message: /HELLO anew/ });
      await relays.hosts.close('restarted');
    });

    it('end a stream whose session is closed at the other side, and say so to the guest', async () => {
      await relays.hosts.open('dies', 2 ** 20);
      const id = await relays.guest.open('dies', object);
      const runs = listOf([[0x100, 2000, 0]]);
      relays.fill(runs);
      const { landed } = await relays.guest.send(id, runs);
      await relays.hosts.relayB.client.call(
        'CloseSession',
        { migrationId: 'dies', vm: 'vm-b' },
        { deadlineMs },
      );
      await assert.rejects(landed, { code: 'stream-broken' });
      await assert.rejects(
        relays.hosts.relayA.client.call('SendImages', { migrationId: 'dies', vm: 'vm-a' }, { deadlineMs }),
        { code: 'stream-broken' },
      );
      assert.equal(relays.guest.error, undefined);
      await relays.hosts.close('dies');
    });

    it('abort a stream whose receiver stalls', async () => {
      const stalled = createServer({ ...relays.hosts.certified.nodeTls(relayB) }, (socket) => {
        socket.once('data', () => {
          // WELCOME, and then nothing more is read.
          socket.write(encodeMessage('welcome', 0));
          socket.pause();
        });
      });
      await new Promise<void>((resolve) => stalled.listen(0, '127.0.0.1', resolve));
      const { port } = stalled.address() as { port: number };
      try {
        const token = 'ab'.repeat(32);
        await relays.hosts.openStream('stalled', { address: '127.0.0.1', port, token });
        const id = await relays.guest.open('stalled', object);
        const runs = listOf([[highRamAddress / PAGE_BYTES, 16_384, 0]]);
        relays.fill(runs);
        const { landed } = await relays.guest.send(id, runs);
        await new Promise((resolve) => setTimeout(resolve, 200));
        const startMs = performance.now();
        await relays.hosts.relayA.client.call(
          'CloseSession',
          { migrationId: 'stalled', vm: 'vm-a' },
          { deadlineMs },
        );
        assert.ok(performance.now() - startMs < 2000);
        await assert.rejects(landed, { code: 'stream-broken' });
      } finally {
        stalled.close();
      }
    });

    it('stop while the receiver does, without piling anything up, and go on with it', async () => {
      const { relayA, relayB } = relays.hosts;
      const pages = 24_576;
      const runs = listOf([[highRamAddress / PAGE_BYTES, pages, 0]]);
      relays.fill(runs);
      await relays.hosts.open('paused');
      const before = [relayA.anonymousBytes, relayB.anonymousBytes];
      relayB.pause();
      let sending: Promise<unknown>;
      try {
        const id = await relays.guest.open('paused', object);
        // As many SENDs as there are credits, of 48 MiB each.
        const sends = Array.from({ length: 16 }, async (_, index) => {
          const list = listOf([
            [highRamAddress / PAGE_BYTES + (index % 2) * 12_288, 12_288, (index % 2) * 12_288],
          ]);
          await (
            await relays.guest.send(id, list)
          ).landed;
        });
        sending = Promise.all(sends);
        sending.catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        const { bytes } = await relayA.client.call(
          'GetTransfer',
          { migrationId: 'paused', vm: 'vm-a' },
          { deadlineMs },
        );
        assert.equal(bytes, 0, 'nothing has landed');
      } finally {
        relayB.resume();
      }
      const grown = relayA.anonymousBytes - (before[0] ?? 0);
      assert.ok(grown < boundBytes, `the source grew by ${grown} bytes`);
      await sending;
      relays.verify('paused', runs);
      const landed = relayB.anonymousBytes - (before[1] ?? 0);
      assert.ok(landed < boundBytes, `the destination grew by ${landed} bytes`);
      await relays.hosts.close('paused');
    });

    it('end the channel of a guest that opens and closes objects without end while the receiver stands', async () => {
      const { relayA, relayB } = relays.hosts;
      await relays.hosts.open('flooded');
      const before = relayA.anonymousBytes;
      relayB.pause();
      try {
        const closed = relays.reconnected();
        for (let count = 0; count < 50_000 && relays.guest.error === undefined; count += 1) {
          await openAndClose('flooded', count).catch(() => undefined);
        }
        // A guest that writes may find its port closed before it has read why.
        assert.ok(relays.guest.error !== undefined, 'the port was not closed');
        await closed;
        const refused = await relayA.metric('portkey_hypercall_errors_total{vm="vm-a",code="bad-frame"}');
        assert.match(refused ?? '', / 1$/);
        const { hypercalls } = await relayA.client.call(
          'GetTransfer',
          { migrationId: 'flooded', vm: 'vm-a' },
          { deadlineMs },
        );
        // What waits for the thread, and what waits for its answer.
        assert.ok(hypercalls >= 4096 && hypercalls < 4096 + 1024 + 16, `${hypercalls} were taken`);
        const grown = relayA.anonymousBytes - before;
        assert.ok(grown < boundBytes, `the source grew by ${grown} bytes`);
        await relays.greet();
      } finally {
        relayB.resume();
      }
      await relays.hosts.close('flooded');
      const runs = listOf([[0x100, 100, 0]]);
      relays.fill(runs);
      await relays.hosts.open('next');
      await relays.send('next', runs);
      relays.verify('next', runs);
      await relays.hosts.close('next');
    });

    it('wait for the receiver with as many objects as a guest may have, and go on with it', async () => {
      const { relayB } = relays.hosts;
      await relays.hosts.open('many');
      relayB.pause();
      try {
        const ids: number[] = [];
        for (let count = 0; count < 1024; count += 1) {
          ids.push(await relays.guest.open('many', `memory/pages-${count}.img`));
        }
        for (const id of ids) await relays.guest.closeObject(id);
      } finally {
        relayB.resume();
      }
      const runs = listOf([[0x100, 100, 0]]);
      relays.fill(runs);
      await relays.send('many', runs);
      relays.verify('many', runs);
      assert.equal(relays.guest.error, undefined);
      await relays.hosts.close('many');
    });

    async function openAndClose(migrationId: string, count: number): Promise<void> {
      const id = await relays.guest.open(migrationId, `memory/pages-${count}.img`);
      await relays.guest.closeObject(id);
    }
  });
