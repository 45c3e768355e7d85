/**
 * What happens to a container's memory while its pages travel.
 */
import assert from 'node:assert/strict';
import { lstat, open, readdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { withTestbed } from './support/fixture.js';
import {
  churns,
  execs,
  holds,
  movesFrames,
  remaps,
  spawns,
  writesALittle,
} from './support/memory-programs.js';
import { OutsideConnection } from './support/outside-connection.js';
import {
  inGuest,
  portkeyJson,
  portkeyOk,
  startPortkey,
  untilState,
  type MigrationReport,
} from './support/portkey.js';

const pageBytes = 4096;
/** Its areas, and what Perl has itself. */
const churnedBytes = (12 * 4 + 8) << 20;
const ramFile = '/dev/shm/portkey/ram-vm-a';

/** Fills frames that nobody owns any more with other bytes, as their next owner would. */
async function reuseFrames(moves: readonly (readonly [number, number])[]): Promise<void> {
  const ram = await open(ramFile, 'r+');
  try {
    for (const [old, current] of moves) {
      // With 2 GiB, q35 has all RAM below the PCI hole: the frame's number is its place in the file.
      const [left, page] = [Buffer.alloc(pageBytes), Buffer.alloc(pageBytes)];
      await ram.read(left, 0, pageBytes, old * pageBytes);
      await ram.read(page, 0, pageBytes, current * pageBytes);
      assert.ok(left.equals(page), `frame ${current} holds what frame ${old} held`);
      await ram.write(Buffer.alloc(pageBytes, 0xa5), 0, pageBytes, old * pageBytes);
    }
  } finally {
    await ram.close();
  }
}

/** The most that the landings at vm-b took at any time until then. */
async function mostLanded(ended: Promise<unknown>): Promise<number> {
  const landings = '/dev/shm/portkey/share/vm-b/landing';
  const over = ended.then(() => true);
  let most = 0;
  while (!(await Promise.race([over, delay(20, false)]))) most = Math.max(most, await takenBytes(landings));
  return most;
}

async function takenBytes(folder: string): Promise<number> {
  const paths = await readdir(folder, { recursive: true }).catch(() => []);
  const files = await Promise.all(paths.map((name) => lstat(path.join(folder, name)).catch(() => undefined)));
  // CRIU's image folders have links to the same files.
  const taken = new Map(files.map((file) => [file?.ino, file?.blocks ?? 0]));
  return [...taken.values()].reduce((sum, blocks) => sum + blocks * 512, 0);
}

describe('memory that changes while it travels', function () {
  this.timeout(120_000);
  withTestbed();

  it('arrives whole although a task calls exec between two rounds', async () => {
    const { ip, pid } = await portkeyJson<{ ip: string; pid: number }>(
      'run', 'vm-a', 'execs', '--rootfs', '/', '--tmpfs', '/tmp', '--', 'python3', '-c', execs, holds(16),
    ); // prettier-ignore
    try {
      await inGuest(
        'vm-a',
        `until [ $(awk '/RssAnon/ {print $2}' /proc/${pid}/status) -gt 49152 ]; do sleep 0.2; done`,
      );
      const migration = startPortkey(['--json', 'migrate', 'execs', '--to', 'vm-b', '--bandwidth', '40mbit']);
      await untilState(['precopy'], migration.ended);
      await inGuest('vm-a', `kill -USR1 ${pid}`);
      const { exitCode, stderr } = await migration.ended;
      assert.equal(exitCode, 0, stderr);
      using connection = await OutsideConnection.open(ip, 7000);
      assert.equal(await connection.ask('?\n', /\n$/), 'True\n');
    } finally {
      await portkeyOk('stop', 'execs');
    }
  });

  it('arrives whole although a child has its parent’s memory at first, and calls exec between two rounds', async () => {
    const { ip, pid } = await portkeyJson<{ ip: string; pid: number }>(
      'run', 'vm-a', 'spawns', '--rootfs', '/', '--tmpfs', '/tmp', '--', 'python3', '-c', spawns, holds(8),
    ); // prettier-ignore
    try {
      await inGuest('vm-a', `until [ -n "$(cat /proc/${pid}/task/${pid}/children)" ]; do sleep 0.2; done`);
      const migration = startPortkey([
        '--json',
        'migrate',
        'spawns',
        '--to',
        'vm-b',
        '--bandwidth',
        '40mbit',
      ]);
      await untilState(['precopy'], migration.ended);
      await inGuest('vm-a', `sleep 1; echo >/proc/${pid}/root/tmp/gate`);
      const { exitCode, stdout, stderr } = await migration.ended;
      assert.equal(exitCode, 0, stderr);
      const { rounds } = JSON.parse(stdout) as MigrationReport;
      assert.ok(
        (rounds[0]?.pages ?? 0) > 2 * 6000,
        'the first round has seen the child with its parent’s memory',
      );
      using connection = await OutsideConnection.open(ip, 7000);
      assert.equal(await connection.ask('?\n', /\n$/), 'True\n');
    } finally {
      await portkeyOk('stop', 'spawns');
    }
  });

  it('arrives as it was last written where little is written, which is left to the final dump', async () => {
    // A huge page has one dirty bit.
    const hugePages = '/sys/kernel/mm/transparent_hugepage/enabled';
    await inGuest('vm-a', `echo never >${hugePages}`);
    const { ip } = await portkeyJson<{ ip: string }>(
      'run', 'vm-a', 'writes', '--rootfs', '/', '--tmpfs', '/tmp', '--', 'python3', '-c', writesALittle,
    ); // prettier-ignore
    try {
      using connection = await OutsideConnection.open(ip, 7000);
      const ask = async (): Promise<number> => {
        const [whole, number] = (await connection.ask('?\n', /\n$/)).trim().split(' ');
        assert.equal(whole, 'True');
        return Number(number);
      };
      const before = await ask();
      const { outcome, rounds, finalDump } = await portkeyJson<MigrationReport>(
        ...['migrate', 'writes', '--to', 'vm-b'],
      );
      assert.equal(outcome, 'completed');
      assert.equal(rounds.at(-1)?.pages, 0, 'pages sent while it was frozen');
      assert.ok((finalDump?.criuPages ?? 0) >= 20, `${finalDump?.criuPages} pages in CRIU's dump`);
      assert.ok((await ask()) > before);
    } finally {
      await portkeyOk('stop', 'writes');
      await inGuest('vm-a', `echo always >${hugePages}`);
    }
  });

  it('arrives whole although mremap puts pages over others that were sent, and none is dirty for it', async () => {
    const { ip } = await portkeyJson<{ ip: string }>(
      'run', 'vm-a', 'remaps', '--rootfs', '/', '--tmpfs', '/tmp', '--', 'perl', '-e', remaps,
    ); // prettier-ignore
    try {
      using connection = await OutsideConnection.open(ip, 7000);
      assert.equal(await connection.ask('?\n', /\n$/), 'second\n');
      const migration = startPortkey([
        '--json',
        'migrate',
        'remaps',
        '--to',
        'vm-b',
        '--bandwidth',
        '40mbit',
      ]);
      await migration.untilSaid(/continue/);
      assert.equal(await connection.ask('remap\n', /\n$/), 'done\n');
      const { exitCode, stdout, stderr } = await migration.ended;
      assert.equal(exitCode, 0, stderr);
      assert.equal(await connection.ask('?\n', /\n$/), 'first\n');
      const { rounds } = JSON.parse(stdout) as MigrationReport;
      const again = rounds.slice(1).reduce((sum, { pages }) => sum + pages, 0);
      assert.ok(
        again >= (rounds.length - 1) * 4096 + 2048,
        `${again} pages sent in ${rounds.length - 1} rounds`,
      );
    } finally {
      await portkeyOk('stop', 'remaps');
    }
  });

  it('takes no more room at the destination than it has, though it frees and allocates all the while', async () => {
    const { ip } = await portkeyJson<{ ip: string }>(
      'run', 'vm-a', 'churns', '--rootfs', '/', '--tmpfs', '/tmp', '--', 'perl', '-e', churns,
    ); // prettier-ignore
    try {
      using connection = await OutsideConnection.open(ip, 7000);
      assert.match(await connection.ask('?\n', /\n$/), /^12 of 12 right/);
      const migration = startPortkey([
        '--json',
        'migrate',
        'churns',
        '--to',
        'vm-b',
        '--bandwidth',
        '80mbit',
      ]);
      const most = await mostLanded(migration.ended);
      const { exitCode, stdout, stderr } = await migration.ended;
      assert.equal(exitCode, 0, stderr);
      assert.match(await connection.ask('?\n', /\n$/), /^12 of 12 right/);
      const { rounds } = JSON.parse(stdout) as MigrationReport;
      const sentBytes = rounds.reduce((sum, { pages }) => sum + pages * pageBytes, 0);
      assert.ok(sentBytes > 1.2 * churnedBytes, `${sentBytes} bytes sent of ${churnedBytes}`);
      assert.ok(most <= 1.2 * churnedBytes, `${most} bytes landed of ${churnedBytes}`);
    } finally {
      await portkeyOk('stop', 'churns');
    }
  });

  it('arrives whole although its pages change their frames and others write into the old ones', async () => {
    const { ip, pid } = await portkeyJson<{ ip: string; pid: number }>(
      'run', 'vm-a', 'moves', '--rootfs', '/', '--tmpfs', '/tmp', '--', 'python3', '-c', holds(48),
    ); // prettier-ignore
    try {
      using connection = await OutsideConnection.open(ip, 7000);
      assert.equal(await connection.ask('?\n', /\n$/), 'True\n');
      const migration = startPortkey(['--json', 'migrate', 'moves', '--to', 'vm-b', '--bandwidth', '40mbit']);
      await untilState(['precopy'], migration.ended);
      const printed = await portkeyOk(
        'testbed', 'exec', 'vm-a', '--', 'python3', '-c', movesFrames, String(pid), '300',
      ); // prettier-ignore
      const moves = printed
        .trim()
        .split('\n')
        .map((line) => line.split(' ').map(Number) as [number, number]);
      assert.ok(moves.length > 200, `the kernel moved ${moves.length} pages`);
      await reuseFrames(moves);
      const { exitCode, stdout, stderr } = await migration.ended;
      assert.equal(exitCode, 0, stderr);
      assert.equal(await connection.ask('?\n', /\n$/), 'True\n');
      const { rounds } = JSON.parse(stdout) as MigrationReport;
      const noticed = rounds.reduce((sum, { pagesMoved }) => sum + pagesMoved, 0);
      assert.ok(noticed >= moves.length, `${noticed} of ${moves.length} moves were noticed`);
    } finally {
      await portkeyOk('stop', 'moves');
    }
  });
});
