/**
 * What happens to a container's memory while its pages travel.
 */
import assert from 'node:assert/strict';
import { lstat, open, readdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { withTestbed } from './support/fixture.js';
import { OutsideConnection } from './support/outside-connection.js';
import {
  inGuest,
  portkeyJson,
  portkeyOk,
  startPortkey,
  untilState,
  type MigrationReport,
} from './support/portkey.js';

/** Holds 48 MiB, waits for SIGUSR1, and becomes another program that holds 16 MiB and answers with their hash. */
const execs = `
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
data = os.urandom(48 << 20)
signal.sigwait([signal.SIGUSR1])
os.execv('/usr/bin/python3', ['python3', '-c', sys.argv[1]])
`;
/**
 * Holds 24 MiB and spawns another program the way that libraries do it, by vfork; its child has the parent's memory until
 * somebody opens /tmp/gate to write, and calls exec then.
 */
const spawns = `
import os, signal, sys
data = os.urandom(24 << 20)
os.mkfifo('/tmp/gate')
opens = [(os.POSIX_SPAWN_OPEN, 5, '/tmp/gate', os.O_RDONLY, 0)]
os.posix_spawn('/usr/bin/python3', ['python3', '-c', sys.argv[1]], os.environ, file_actions=opens)
while True: signal.pause()
`;
/** Holds this many MiB and answers whether they are still what they were. */
const holds = (mebibytes: number): string => `
import hashlib, os, socket
data = os.urandom(${mebibytes} << 20); first = hashlib.sha256(data).hexdigest()
listener = socket.create_server(('0.0.0.0', 7000))
while True:
    peer, _ = listener.accept()
    for line in peer.makefile('r'):
        peer.sendall(f'{hashlib.sha256(data).hexdigest() == first}\\n'.encode())
`;

/**
 * Holds 128 MiB and writes a number into twenty pages of them, the next one every 20 ms; answers whether these pages hold
 * the number written last and all others what they held, and the number.
 */
const writesALittle = `
import os, socket, threading, time
block, blocks, number, lock = os.urandom(1 << 20), 128, 0, threading.Lock()
memory = bytearray(blocks << 20)
for index in range(blocks): memory[index << 20:(index + 1) << 20] = block
places = [index << 20 for index in range(0, 100, 5)]
def whole(place):
    begun = 8 if place in places else 0
    return memory[place + begun:place + (1 << 20)] == block[begun:]
def write():
    global number
    while True:
        with lock:
            number += 1
            for place in places: memory[place:place + 8] = number.to_bytes(8, 'little')
        time.sleep(0.02)
threading.Thread(target=write, daemon=True).start()
listener = socket.create_server(('0.0.0.0', 7000))
while True:
    peer, _ = listener.accept()
    for line in peer.makefile('r'):
        with lock:
            written = {int.from_bytes(memory[place:place + 8], 'little') for place in places}
            rest = all(whole(index << 20) for index in range(blocks))
            peer.sendall(f'{rest and written == {number}} {number}\\n'.encode())
`;

/**
 * Holds two areas of 8 MiB in pages of 4 KiB, and has a child that writes 16 MiB over and over. When told to, puts the first area
 * over the second by mremap, page tables and all; says whose content the second has.
 */
const remaps = `
use Socket;
my ($size, $first, $second) = (8 << 20, 0x200000000000, 0x210000000000);
unless (fork) {
  my $data = "\\0" x (16 << 20);
  while (1) { substr($data, $_ << 12, 1) = chr(rand 256) for 0 .. 4095; select undef, undef, undef, 0.2 }
}
open my $random, '<', '/dev/urandom';
for my $at ($first, $second) {
  die "mmap: $!" if syscall(9, $at, $size, 3, 0x32, -1, 0) != $at;
  syscall(28, $at, $size, 15);
  for (my $done = 0; $done < $size; $done += 1 << 20) { syscall(0, fileno $random, $at + $done, 1 << 20) == 1 << 20 or die "read: $!" }
}
sub content { unpack "P$size", pack 'Q', $_[0] }
my $wanted = content($first);
socket my $listener, PF_INET, SOCK_STREAM, 0;
bind $listener, sockaddr_in(7000, INADDR_ANY) or die "bind: $!";
listen $listener, 5;
accept my $peer, $listener;
while (my $line = <$peer>) {
  my $answer = $line !~ /remap/ ? (content($second) eq $wanted ? 'first' : 'second')
    : syscall(25, $first, $size, $size, 3, $second) == $second ? 'done' : "failed: $!";
  syswrite $peer, "$answer\\n";
}
`;

/**
 * Holds two areas of 24 MiB, and every 0.3 seconds gives back the older one and takes another, at an address that
 * it has never used. Answers whether both are what they should be, and how many it has had.
 */
const churns = `
use Socket;
my ($size, $next, @held) = (24 << 20, 0x200000000000);
open my $file, '+>', '/tmp/block';
open my $random, '<', '/dev/urandom';
sysread $random, my $block, 1 << 20;
syswrite $file, $block;
sub turn {
  my $at = $next; $next += 64 << 20;
  syscall(11, shift @held, $size) if @held == 2;
  die "mmap: $!" if syscall(9, $at, $size, 3, 0x32, -1, 0) != $at;
  for (my $done = 0; $done < $size; $done += 1 << 20) { syscall(17, fileno $file, $at + $done, 1 << 20, 0) == 1 << 20 or die "read: $!" }
  push @held, $at;
}
turn(); turn();
socket my $listener, PF_INET, SOCK_STREAM, 0;
bind $listener, sockaddr_in(7000, INADDR_ANY) or die "bind: $!";
listen $listener, 5;
accept my $peer, $listener;
while (1) {
  my $ready = ''; vec($ready, fileno $peer, 1) = 1;
  if (!select $ready, undef, undef, 0.3) { turn(); next }
  last unless sysread $peer, my $line, 100;
  my $right = grep { my $at = $_; !grep { unpack('P1048576', pack 'Q', $at + ($_ << 20)) ne $block } 0 .. 23 } @held;
  syswrite $peer, "$right of 2 right, " . (($next >> 26) & 0xffff) . " areas\\n";
}
`;

/**
 * Has the guest's kernel move pages of a task's largest private mapping to other frames, spread over all of it, and
 * prints the old and the new frame of each. Taking a frame out of use (soft offlining) is the one way to move a
 * chosen page that every kernel has; unlike a write, it leaves the page's soft-dirty bit alone.
 */
const movesFrames = `
import os, struct, sys
pid, wanted = sys.argv[1], int(sys.argv[2])
spans = [line.split() for line in open(f'/proc/{pid}/maps')]
spans = [[int(x, 16) >> 12 for x in s[0].split('-')] for s in spans if s[1] == 'rw-p' and s[4] == '0']
first, end = max(spans, key=lambda span: span[1] - span[0])
pagemap = os.open(f'/proc/{pid}/pagemap', os.O_RDONLY)
offline = os.open('/sys/devices/system/memory/soft_offline_page', os.O_WRONLY)
def frame(page):
    entry, = struct.unpack('<Q', os.pread(pagemap, 8, page * 8))
    return entry & ((1 << 55) - 1) if entry >> 63 else 0
for page in range(first, end, (end - first) // wanted):
    old = frame(page)
    try: os.write(offline, hex(old << 12).encode())
    except OSError: continue
    new = frame(page)
    if old and new and new != old: print(old, new)
`;

const pageBytes = 4096;
/** Two areas, and what Perl has itself. */
const churnedBytes = (2 * 24 + 8) << 20;
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
      assert.match(await connection.ask('?\n', /\n$/), /^2 of 2 right/);
      const migration = startPortkey([
        '--json',
        'migrate',
        'churns',
        '--to',
        'vm-b',
        '--bandwidth',
        '160mbit',
      ]);
      const most = await mostLanded(migration.ended);
      const { exitCode, stdout, stderr } = await migration.ended;
      assert.equal(exitCode, 0, stderr);
      assert.match(await connection.ask('?\n', /\n$/), /^2 of 2 right/);
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
