/** What travels, how fast, and what it costs. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { RunList } from '../../libraries/hypercall/index.js';
import { PAGE_BYTES } from '../../libraries/units/index.js';
import { migrateCapped, requireCapHeld } from './testing/capped.js';
import { listOf, object, withRelays } from './testing/relays.js';
import { highRamAddress, lowRamBytes } from './testing/scripted-qemu.js';
import { deadlineMs, TwoHosts } from './testing/two-hosts.js';

const self = process.getuid?.() ?? 0;
const nobody = 65_534;

const places = [
  { what: 'two relays', user: self, start: () => TwoHosts.start() },
  { what: 'one relay with both VMs', user: self, start: () => TwoHosts.startOnOneHost() },
  // Who is not root is such a user in the others already.
  ...(self === 0
    ? [
        {
          what: 'two relays of an ordinary user',
          user: nobody,
          start: () => TwoHosts.start({ user: nobody }),
        },
      ]
    : []),
];

for (const { what, user, start } of places)
  describe(what, function () {
    this.timeout(60_000);
    const relays = withRelays(start);

    it('have no capability, whoever runs them', () => {
      assert.equal(relays.hosts.relayA.status('CapEff'), '0000000000000000');
      assert.equal(relays.hosts.relayA.status('Uid'), Array(4).fill(user).join('\t'));
    });

    it('know their VMs and what runs them', async () => {
      const { vms } = await relays.hosts.relayA.client.call('GetHost', {}, { deadlineMs });
      const [vm] = vms;
      assert.equal(vm?.name, 'vm-a');
      assert.equal(vm.accelerator, 'tcg');
      assert.equal(vm.qemuVersion, '7.2.22');
      assert.deepEqual(vm.checkpoint, { ready: true, detail: '' });
      assert.match(vm.restore?.detail ?? '', /has not said HELLO/);
      assert.ok(vm.landingFreeBytes > 0 && vm.ramBytes > 200 * 2 ** 20);
      assert.deepEqual(vm.problems, []);
    });

    it('move contiguous pages, byte by byte, across the hole in guest RAM', async () => {
      const runs = listOf([
        [0x100, 3000, 10],
        [highRamAddress / PAGE_BYTES, 5000, 4000],
        [lowRamBytes / PAGE_BYTES - 4, 4, 100_000],
      ]);
      relays.fill(runs);
      await relays.hosts.open('contiguous');
      await relays.send('contiguous', runs);
      relays.verify('contiguous', runs);
      const counts = await relays.hosts.relayA.client.call(
        'GetTransfer',
        { migrationId: 'contiguous', vm: 'vm-a' },
        { deadlineMs },
      );
      assert.equal(counts.pages, runs.pageCount);
      assert.ok(
        statSync(relays.hosts.landedPath('contiguous', object)).blocks * 512 < 20_000 * PAGE_BYTES,
        'sparse',
      );
      await relays.hosts.close('contiguous');
    });

    it('move pages of which none follows on from another, and overwrite them in place', async () => {
      const runs = new RunList();
      for (let index = 0; index < 6000; index += 1) runs.push(0x200 + ((index * 7919) % 8000), 1, index * 2);
      for (const version of [1, 2]) {
        relays.fill(runs, version);
        if (version === 1) await relays.hosts.open('fragmented');
        await relays.send('fragmented', runs);
        relays.verify('fragmented', runs, version);
      }
      await relays.hosts.close('fragmented');
    });

    it('give back the room of pages that are gone, and take them again when they come back', async () => {
      const runs = listOf([[0x100, 3000, 100]]);
      relays.fill(runs);
      await relays.hosts.open('gone');
      await relays.send('gone', runs);
      const path = relays.hosts.landedPath('gone', object);
      const blocks = statSync(path).blocks;
      const id = await relays.guest.open('gone', object);
      const { landed } = await relays.guest.drop(id, listOf([[0, 2000, 600]]));
      assert.equal((await landed).bytes, 0);
      assert.ok(statSync(path).blocks <= blocks - (2000 * PAGE_BYTES) / 512, 'room is free again');
      relays.verify('gone', listOf([[0x100, 500, 100]]));
      relays.verify('gone', listOf([[0x100 + 2500, 500, 2600]]));
      const dropped = relays.hosts.landed('gone', object).subarray(600 * PAGE_BYTES, 2600 * PAGE_BYTES);
      assert.ok(dropped.equals(Buffer.alloc(dropped.length)), 'what is gone reads as zeroes');
      await relays.send('gone', listOf([[0x100 + 1000, 10, 1100]]));
      relays.verify('gone', listOf([[0x100 + 1000, 10, 1100]]));
      const { pages, zeroPages } = await relays.hosts.relayB.client.call(
        'GetTransfer',
        { migrationId: 'gone', vm: 'vm-b' },
        { deadlineMs },
      );
      assert.deepEqual({ pages, zeroPages }, { pages: 3010, zeroPages: 0 });
      await relays.hosts.close('gone');
    });

    it('name zero pages without sending them, and clear what an earlier round landed there', async () => {
      const runs = listOf([
        [0x2000, 3000, 100],
        [highRamAddress / PAGE_BYTES + 0x4000, 500, 50_000],
      ]);
      relays.fill(runs);
      await relays.hosts.open('zero');
      const transfer = (): Promise<object> =>
        relays.hosts.relayB.client.call('GetTransfer', { migrationId: 'zero', vm: 'vm-b' }, { deadlineMs });
      await relays.send('zero', runs);
      relays.verify('zero', runs);
      const before = statSync(relays.hosts.landedPath('zero', object)).blocks;
      const zero = Buffer.alloc(PAGE_BYTES);
      for (let at = 0; at < 3000; at += 1)
        if (at % 3 > 0) relays.hosts.vmA.write((0x2000 + at) * PAGE_BYTES, zero);
      // Beyond everything that landed: the file must be long enough for them all the same.
      const all = listOf([
        [0x2000, 3000, 100],
        [highRamAddress / PAGE_BYTES + 0x4000, 500, 50_000],
        [highRamAddress / PAGE_BYTES + 0x5000, 700, 60_000],
      ]);
      await relays.send('zero', all);
      const landed = relays.hosts.landed('zero', object);
      for (let at = 0; at < 3000; at += 1) {
        const place = (100 + at) * PAGE_BYTES;
        assert.deepEqual(
          landed.subarray(place, place + PAGE_BYTES),
          relays.hosts.vmA.read((0x2000 + at) * PAGE_BYTES, PAGE_BYTES),
          `page ${100 + at}`,
        );
      }
      assert.equal(landed.length, 60_700 * PAGE_BYTES);
      assert.ok(landed.subarray(60_000 * PAGE_BYTES).equals(Buffer.alloc(700 * PAGE_BYTES)));
      assert.ok(
        statSync(relays.hosts.landedPath('zero', object)).blocks <= before - (2000 * PAGE_BYTES) / 512,
        'freed',
      );
      assert.deepEqual(await transfer(), {
        pages: 3500 + 4200,
        zeroPages: 2000 + 700,
        bytes: (3500 + 1500) * PAGE_BYTES,
        hypercalls: 0,
        starvedSeconds: 0,
      });
      // Counted where it is sent, and where it lands.
      const counted = relays.hosts.isOneHost ? 2 * 2700 : 2700;
      assert.equal(
        await relays.hosts.relayA.metric('portkey_zero_pages_total'),
        `portkey_zero_pages_total ${counted}`,
      );
      await relays.hosts.close('zero');
    });

    it('take one hypercall per page when told so', async () => {
      const runs = listOf([[0x300, 200, 0]]);
      relays.fill(runs);
      await relays.hosts.open('fixed');
      const batcher = await relays.send('fixed', runs, 'fixed:1');
      assert.equal(batcher.sends, 200);
      relays.verify('fixed', runs);
      const { hypercalls } = await relays.hosts.relayA.client.call(
        'GetTransfer',
        { migrationId: 'fixed', vm: 'vm-a' },
        { deadlineMs },
      );
      assert.equal(hypercalls, 202);
      await relays.hosts.close('fixed');
    });

    it('send images, seal the landing, and leave nothing behind when closed', async () => {
      const migrationId = 'images';
      const outgoing = join(relays.hosts.vmA.config.share, 'outgoing', migrationId);
      mkdirSync(join(outgoing, 'final/tmpfs'), { recursive: true });
      writeFileSync(join(outgoing, 'final/core-1.img'), 'core');
      writeFileSync(join(outgoing, 'final/tmpfs/dev.img'), Buffer.alloc(100_000, 'x'));
      writeFileSync(join(outgoing, 'not-sent'), '');
      symlinkSync('/etc/passwd', join(outgoing, 'final/passwd'));
      symlinkSync('../parent', join(outgoing, 'final/parent'));
      await relays.hosts.giveToGuest(outgoing);
      const runs = listOf([[0x400, 10, 0]]);
      relays.fill(runs);
      await relays.hosts.open(migrationId);
      await relays.send(migrationId, runs);
      const sent = await relays.hosts.relayA.client.call(
        'SendImages',
        { migrationId, vm: 'vm-a' },
        { deadlineMs },
      );
      assert.deepEqual(sent, { files: 2, bytes: 100_004 });
      const sealed = await relays.hosts.relayB.client.call(
        'SealLanding',
        { migrationId, vm: 'vm-b' },
        { deadlineMs },
      );
      assert.deepEqual(sealed, { pages: 10, zeroPages: 0, bytes: 10 * PAGE_BYTES + 100_004 });
      assert.equal(relays.hosts.landed(migrationId, 'final/core-1.img').toString(), 'core');
      assert.equal(relays.hosts.landed(migrationId, 'final/tmpfs/dev.img').length, 100_000);
      assert.deepEqual(readdirSync(relays.hosts.landedPath(migrationId, 'final')).sort(), [
        'core-1.img',
        'tmpfs',
      ]);
      await relays.hosts.close(migrationId);
      await relays.hosts.close(migrationId);
      assert.ok(!existsSync(outgoing));
      assert.ok(!existsSync(relays.hosts.landedPath(migrationId, '')));
    });

    for (const mibPerSecond of [2, 10, 40, 100]) {
      it(`hold a rate limit of ${mibPerSecond} MiB/s within 5 %, images included`, () =>
        requireCapHeld((attempt) =>
          migrateCapped(relays, `capped-${mibPerSecond}-${attempt}`, mibPerSecond * 2 ** 20),
        ));
    }

    it('account for the CPU of the VM', async () => {
      const reading = await relays.hosts.relayA.client.call('ReadCpu', { vm: 'vm-a' }, { deadlineMs });
      assert.ok((reading.used?.vm ?? 0) > 0 && (reading.used?.relay ?? 0) > 0);
      assert.ok(reading.atSeconds > 0 && reading.idlePerSecond !== null);
    });

    it('close the files of tasks that end, however many come and go', async () => {
      await relays.hosts.open('short-lived');
      for (let task = 0; task < 1_100; task += 1) {
        const id = await relays.guest.open('short-lived', `memory/pages-${task}.img`);
        if (task % 100 === 0) await (await relays.guest.send(id, listOf([[0x100, 1, task]]))).landed;
        await relays.guest.closeObject(id);
      }
      const last = await relays.guest.open('short-lived', object);
      const runs = listOf([[0x100, 1, 0]]);
      relays.fill(runs);
      await (
        await relays.guest.send(last, runs)
      ).landed;
      relays.verify('short-lived', runs);
      await relays.hosts.close('short-lived');
    });
  });
