/**
 * `migrate --throttle` on a real cgroup: a container that writes faster than its pages travel gets less CPU while its
 * memory goes, and all of it again, wherever it ends up.
 */
import assert from 'node:assert/strict';

import { eventually } from '../support/eventually.js';
import { withTestbed } from './support/fixture.js';
import { OutsideConnection } from './support/outside-connection.js';
import {
  inGuest,
  portkey,
  portkeyJson,
  portkeyOk,
  startPortkey,
  untilState,
  type MigrationReport,
  type RunningCommand,
} from './support/portkey.js';

const zeroMebibytes = 8;
/**
 * Holds pages that are zero, and writes into each page of the others without a pause: each time one more than it finds
 * there. Answers how often it went round, and how often it did not find what it had written.
 */
const writer = `
import os, socket, threading
zero = bytearray(${zeroMebibytes} << 20)
for at in range(0, len(zero), 4096): zero[at] = 0
data = bytearray(os.urandom(16 << 20)); rounds = broken = 0
for at in range(0, len(data), 4096): data[at] = 0
def write():
    global rounds, broken
    while True:
        before, after = rounds & 255, (rounds + 1) & 255
        for at in range(0, len(data), 4096):
            if data[at] != before: broken += 1
            data[at] = after
        rounds += 1
threading.Thread(target=write, daemon=True).start()
listener = socket.create_server(('0.0.0.0', 7000))
while True:
    peer, _ = listener.accept()
    for line in peer.makefile('r'): peer.sendall(f'{rounds} {broken}\\n'.encode())
`;

const name = 'hot';
const cpuMax = `/sys/fs/cgroup/portkey/${name}/cpu.max`;
const unlimited = 'max 100000';
const limitOf = async (vm: string): Promise<string> => (await inGuest(vm, `cat ${cpuMax}`)).trim();

/** All that is written is sent again in each round, which takes more than three times the downtime target. */
const slowly = ['--bandwidth', '100mbit', '--throttle'];

interface Event {
  readonly kind: string;
  readonly state: string;
  readonly data: { readonly action?: string; readonly nextCpuShare?: number } | null;
}

describe('a container that writes faster than its pages travel', function () {
  this.timeout(120_000);
  withTestbed();
  let connection: OutsideConnection;

  before(async () => {
    const { ip } = await portkeyJson<{ ip: string }>(
      'run', 'vm-a', name, '--rootfs', '/', '--tmpfs', '/tmp', '--', 'python3', '-c', writer,
    ); // prettier-ignore
    connection = await OutsideConnection.open(ip, 7000);
  });
  after(async () => {
    connection.close();
    await portkeyOk('stop', name);
  });

  const roundsWritten = async (): Promise<number> => {
    const [rounds, broken] = (await connection.ask('?\n', /\n$/)).trim().split(' ').map(Number);
    assert.equal(broken, 0, 'all that was written was found again');
    return rounds ?? 0;
  };
  const goesOn = async (): Promise<void> => {
    const before = await roundsWritten();
    await eventually('it writes', async () => (await roundsWritten()) > before, 30_000);
  };

  /** Its limit at the source, once there is another than `before`. */
  const lowered = async (before: string, migration: RunningCommand): Promise<number> => {
    let isOver = false;
    void migration.ended.then(() => (isOver = true));
    for (;;) {
      const [now, ended] = [await limitOf('vm-a'), isOver];
      const [quotaUs, periodUs] = now.split(' ').map(Number);
      if (now !== before) return (quotaUs ?? NaN) / (periodUs ?? NaN);
      assert.ok(!ended, 'it is throttled before the migration ends');
    }
  };

  it('is throttled, and after a rollback has the limit that it had', async () => {
    const limit = '90000 100000';
    await inGuest('vm-a', `echo ${limit} >${cpuMax}`);
    const migration = startPortkey(['--json', 'migrate', name, '--to', 'vm-b', ...slowly]);
    const id = await untilState(['precopy'], migration.ended);
    const cpus = await lowered(limit, migration);
    assert.ok(cpus < 0.6, `it may use ${cpus} CPUs`);
    assert.equal((await portkey('cancel', id)).exitCode, 0);
    const { exitCode, stdout, stderr } = await migration.ended;
    assert.equal(exitCode, 1, stderr);
    assert.equal((JSON.parse(stdout) as MigrationReport).outcome, 'rolled-back');
    assert.equal(await limitOf('vm-a'), limit);
    await goesOn();
  });

  it('is throttled until it is frozen, and has no limit at its destination', async () => {
    await inGuest('vm-a', `echo ${unlimited} >${cpuMax}`);
    const migration = startPortkey(['--json', 'migrate', name, '--to', 'vm-b', ...slowly]);
    const id = await untilState(['precopy'], migration.ended);
    const cpus = await lowered(unlimited, migration);
    assert.ok(cpus < 0.6, `it may use ${cpus} CPUs`);
    const { exitCode, stdout, stderr } = await migration.ended;
    assert.equal(exitCode, 0, stderr);
    assert.equal(await limitOf('vm-b'), unlimited);
    await goesOn();

    const events = await portkeyJson<Event[]>('watch', id);
    const throttled = events.filter(({ data }) => data?.action === 'throttle');
    assert.ok(throttled.length >= 1, 'the events tell');
    assert.deepEqual(
      throttled.map(({ state, data }) => [state, data?.nextCpuShare]),
      [0.5, 0.25, 0.125].slice(0, throttled.length).map((share) => ['precopy', share]),
    );
    const { rounds, zeroPages, pagesSent } = JSON.parse(stdout) as MigrationReport;
    assert.ok(rounds.length >= throttled.length + 2, 'each time another round was run, then the frozen one');
    assert.ok(zeroPages !== null && zeroPages >= (zeroMebibytes << 20) / 4096, `${zeroPages} zero pages`);
    assert.ok(zeroPages < pagesSent / 2, `${zeroPages} zero pages of ${pagesSent}`);
  });
});
