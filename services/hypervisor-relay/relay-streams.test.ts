/** One migration over several streams: what lands, how fast, and what happens when one of them is cut. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';

import { RunList } from '../../libraries/hypercall/index.js';
import type { Landing } from '../../libraries/rpc/index.js';
import { PAGE_BYTES } from '../../libraries/units/index.js';
import { migrateCapped, requireCapHeld } from './testing/capped.js';
import { listOf, object, withRelays } from './testing/relays.js';
import { highRamAddress, lowRamBytes } from './testing/scripted-qemu.js';
import { deadlineMs, TwoHosts } from './testing/two-hosts.js';

const highPfn = highRamAddress / PAGE_BYTES;

/** Between the relays: connections that can be cut one by one. */
class Cable {
  readonly connections: { readonly near: Socket; readonly far: Socket }[] = [];
  private server: Server | undefined;

  /** A landing's address, as it is at this end. */
  async to(landing: Landing): Promise<Landing> {
    const server = (this.server = createServer((near) => {
      const far = connect(landing.port, landing.address);
      for (const socket of [near, far]) socket.on('error', () => undefined);
      near.pipe(far);
      far.pipe(near);
      near.once('close', () => far.destroy());
      far.once('close', () => near.destroy());
      this.connections.push({ near, far });
    }));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { address, port } = server.address() as AddressInfo;
    return { ...landing, address, port };
  }

  close(): void {
    for (const { near, far } of this.connections) for (const socket of [near, far]) socket.destroy();
    this.server?.close();
  }
}

for (const streamCount of [2, 3])
  describe(`a migration over ${streamCount} streams`, function () {
    this.timeout(60_000);
    const relays = withRelays(() => TwoHosts.start({ streams: streamCount }));
    let cable = new Cable();
    beforeEach(() => (cable = new Cable()));
    afterEach(() => cable.close());

    async function openThroughCable(migrationId: string, bytesPerSecond = 0): Promise<void> {
      const landing = await relays.hosts.openLanding(migrationId);
      await relays.hosts.openStream(migrationId, await cable.to(landing), bytesPerSecond);
    }

    it('lands every page, by all of them, and overwrites in place', async () => {
      await openThroughCable('all');
      const contiguous = listOf([
        [0x100, 3000, 10],
        [highPfn, 5000, 4000],
        [lowRamBytes / PAGE_BYTES - 4, 4, 100_000],
      ]);
      relays.fill(contiguous);
      await relays.send('all', contiguous);
      relays.verify('all', contiguous);
      const scattered = new RunList();
      for (let page = 0; page < 6000; page += 1) scattered.push(0x200 + ((page * 7919) % 8000), 1, page * 2);
      for (const version of [1, 2]) {
        relays.fill(scattered, version);
        await relays.send('all', scattered);
        relays.verify('all', scattered, version);
      }
      const sent = cable.connections.map(({ near }) => near.bytesRead);
      assert.equal(sent.length, streamCount);
      const share = (8004 + 12_000) * (PAGE_BYTES / streamCount);
      for (const bytes of sent) assert.ok(bytes > share * 0.7 && bytes < share * 1.3, `${bytes} of ${share}`);
      const { pages, bytes, hypercalls } = await relays.hosts.relayA.client.call(
        'GetTransfer',
        { migrationId: 'all', vm: 'vm-a' },
        { deadlineMs },
      );
      assert.deepEqual([pages, bytes], [20_004, 20_004 * PAGE_BYTES]);
      assert.ok(hypercalls < 100, `${hypercalls} hypercalls`);
      await relays.hosts.close('all');
    });

    it('gives pages back before others are sent in their place, by another object of the same file', async () => {
      await relays.hosts.open('gone');
      const runs = listOf([[highPfn, 4096, 0]]);
      relays.fill(runs);
      await relays.send('gone', runs);
      const open = (): Promise<number> => relays.guest.open('gone', object);
      const [first, again] = [await open(), listOf([[highPfn + 4096, 2048, 1024]])];
      relays.fill(again);
      // Nothing is waited for but the last.
      await relays.guest.drop(first, listOf([[0, 4096, 0]]));
      await relays.guest.closeObject(first);
      const second = await open();
      const { landed } = await relays.guest.send(second, again);
      await landed;
      await relays.guest.closeObject(second);
      relays.verify('gone', again);
      const file = relays.hosts.landed('gone', object);
      assert.ok(file.subarray(0, 1024 * PAGE_BYTES).every((byte) => byte === 0));
      assert.ok(file.subarray(3072 * PAGE_BYTES).every((byte) => byte === 0));
      await relays.hosts.close('gone');
    });

    it('names zero pages, also beyond where another stream has written', async () => {
      await relays.hosts.open('zero');
      const runs = listOf([[highPfn, 8192, 0]]);
      relays.fill(runs);
      await relays.send('zero', runs);
      // The first stripe of each two, and one page of the others.
      const zero = Buffer.alloc(PAGE_BYTES);
      for (let page = 0; page < 8192; page += 1) {
        if (page % 1024 < 512 || page % 512 === 7)
          relays.hosts.vmA.write((highPfn + page) * PAGE_BYTES, zero);
      }
      const all = listOf([
        [highPfn, 8192, 0],
        [highPfn, 8192, 10_000],
      ]);
      await relays.send('zero', all);
      const landed = relays.hosts.landed('zero', object);
      assert.equal(landed.length, 18_192 * PAGE_BYTES);
      const ram = relays.hosts.vmA.read(highRamAddress, 8192 * PAGE_BYTES);
      assert.ok(landed.subarray(0, ram.length).equals(ram));
      assert.ok(landed.subarray(10_000 * PAGE_BYTES).equals(ram));
      await relays.hosts.close('zero');
    });

    it('seals the landing when everything is there, the images last', async () => {
      const outgoing = join(relays.hosts.vmA.config.share, 'outgoing', 'images');
      mkdirSync(join(outgoing, 'final'), { recursive: true });
      writeFileSync(join(outgoing, 'final/core-1.img'), 'core');
      const runs = listOf([[0x400, 3000, 0]]);
      relays.fill(runs);
      await relays.hosts.open('images');
      await relays.send('images', runs);
      const source = { migrationId: 'images', vm: 'vm-a' };
      const sent = await relays.hosts.relayA.client.call('SendImages', source, { deadlineMs });
      assert.deepEqual(sent, { files: 1, bytes: 4 });
      const sealed = await relays.hosts.relayB.client.call(
        'SealLanding',
        { migrationId: 'images', vm: 'vm-b' },
        { deadlineMs },
      );
      assert.deepEqual(sealed, { pages: 3000, zeroPages: 0, bytes: 3000 * PAGE_BYTES + 4 });
      assert.equal(relays.hosts.landed('images', 'final/core-1.img').toString(), 'core');
      relays.verify('images', runs);
      await relays.hosts.close('images');
    });

    it('ends as a whole when one stream is cut, at both ends, and another migration goes on', async () => {
      await openThroughCable('cut', 8 * 2 ** 20);
      const runs = listOf([[highPfn, 8192, 0]]);
      relays.fill(runs);
      const { landed } = await relays.guest.send(await relays.guest.open('cut', object), runs);
      const failed = assert.rejects(landed, { code: 'stream-broken' });
      const sealed = assert.rejects(
        relays.hosts.relayB.client.call('SealLanding', { migrationId: 'cut', vm: 'vm-b' }, { deadlineMs }),
        { code: 'stream-broken' },
      );
      await new Promise((resolve) => setTimeout(resolve, 200));
      const closed = cable.connections.map(({ near }) => once(near, 'close'));
      const startMs = performance.now();
      cable.connections.at(-1)?.far.destroy();
      await Promise.all([failed, sealed, ...closed]);
      assert.ok(performance.now() - startMs < 2000, 'all have ended');
      assert.equal(relays.guest.error, undefined);
      await relays.hosts.close('cut');
      await relays.hosts.open('next');
      await relays.send('next', runs);
      relays.verify('next', runs);
      await relays.hosts.close('next');
    });

    it('is not admitted without the token, which then still admits', async () => {
      const landing = await relays.hosts.openLanding('token');
      await assert.rejects(relays.hosts.openStream('token', { ...landing, token: '00'.repeat(32) }), {
        code: 'session-unknown',
        message: /token/,
      });
      await relays.hosts.openStream('token', landing);
      const runs = listOf([[0x100, 2000, 0]]);
      relays.fill(runs);
      await relays.send('token', runs);
      relays.verify('token', runs);
      await relays.hosts.close('token');
    });

    for (const mibPerSecond of [10, 60]) {
      it(`holds a rate limit of ${mibPerSecond} MiB/s within 5 %, all streams together`, () =>
        requireCapHeld((attempt) =>
          migrateCapped(relays, `capped-${mibPerSecond}-${attempt}`, mibPerSecond * 2 ** 20),
        ));
    }
  });
