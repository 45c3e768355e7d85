/**
 * TCP connections of a container with itself. Both of their ends are frozen, dumped and restored, and no link from
 * outside keeps packets away from them meanwhile: the kernel could still move one between the two.
 */
import assert from 'node:assert/strict';

import { eventually } from '../support/eventually.js';
import { withTestbed } from './support/fixture.js';
import { OutsideConnection } from './support/outside-connection.js';
import { migrate, portkeyJson, portkeyOk } from './support/portkey.js';

/**
 * Over each connection one thread asks and one answers: numbers, in order, with `ahead` of them always under way, so that
 * at any moment some wait in the kernel's queues. Nothing here connects a second time. Answers with the ends of both
 * connections, then what went wrong, then how many numbers came back on each.
 */
const talker = `
import os, socket, threading, time
ahead = 64; counts = {'ipv4': 0, 'ipv6': 0}; broken = []; ends = []
def receive(end):
    part = b''
    while len(part) < 8:
        more = end.recv(8 - len(part))
        if not more: raise EOFError('closed')
        part += more
    return int.from_bytes(part, 'big')
def expect(name, number, wanted):
    if number != wanted: broken.append(f'{name}:{number}-is-not-{wanted}')
def answer(name, end):
    wanted = 0
    while True:
        number = receive(end); expect(name, number, wanted); wanted += 1
        end.sendall(number.to_bytes(8, 'big'))
def ask(name, end):
    for number in range(ahead): end.sendall(number.to_bytes(8, 'big'))
    while True:
        number = receive(end); expect(name, number, counts[name]); counts[name] += 1
        end.sendall((number + ahead).to_bytes(8, 'big'))
        time.sleep(0.002)
def start(work, name, end):
    def run():
        try: work(name, end)
        except Exception as error: broken.append(f'{name}:{type(error).__name__}')
    threading.Thread(target=run, daemon=True).start()
listeners = []
for name, family, address in (('ipv4', socket.AF_INET, '127.0.0.1'), ('ipv6', socket.AF_INET6, '::1')):
    listener = socket.create_server((address, 0), family=family); listeners.append(listener)
    asking = socket.create_connection(listener.getsockname()[:2]); answering, _ = listener.accept()
    for end in (asking, answering): end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    ends.append(f'{name}:{asking.fileno()}:{asking.getsockname()[1]}-{answering.fileno()}:{asking.getpeername()[1]}')
    start(answer, name + '-answers', answering); start(ask, name, asking)
outside = socket.create_server(('0.0.0.0', 7000))
while True:
    peer, _ = outside.accept()
    for line in peer.makefile('r'):
        peer.sendall(f'{os.getpid()} {" ".join(ends)} {",".join(broken) or "well"} {counts["ipv4"]} {counts["ipv6"]}\\n'.encode())
`;

interface Talk {
  readonly identity: string;
  readonly verdict: string;
  readonly counts: readonly number[];
}

describe('a container that talks to itself', function () {
  this.timeout(120_000);
  withTestbed();
  let connection: OutsideConnection;
  let identity = '';

  before(async () => {
    const { ip } = await portkeyJson<{ ip: string }>(
      'run', 'vm-a', 'talker', '--rootfs', '/', '--tmpfs', '/tmp', '--', 'python3', '-c', talker,
    ); // prettier-ignore
    connection = await OutsideConnection.open(ip, 7000);
    identity = (await talk()).identity;
  });
  after(async () => {
    connection.close();
    await portkeyOk('stop', 'talker');
  });

  async function talk(): Promise<Talk> {
    const [pid, ipv4, ipv6, verdict = '', ...counts] = (await connection.ask('?\n', /\n$/)).trim().split(' ');
    return { identity: [pid, ipv4, ipv6].join(' '), verdict, counts: counts.map(Number) };
  }

  for (const [mode, to] of [
    ['portkey', 'vm-b'],
    ['criu', 'vm-a'],
  ] as const) {
    it(`keeps its connections over IPv4 and IPv6, and every number on them, in ${mode} mode`, async () => {
      const before = await talk();
      assert.deepEqual([before.identity, before.verdict], [identity, 'well']);
      const { outcome, mode: ran } = await migrate('talker', to, mode);
      assert.deepEqual([outcome, ran], ['completed', mode]);
      const after = await talk();
      await eventually(
        'both connections go on',
        async () => {
          const now = await talk();
          assert.deepEqual(
            [now.identity, now.verdict],
            [identity, 'well'],
            'the same ends, nothing lost or repeated',
          );
          return now.counts.every((count, index) => count > (after.counts[index] ?? 0) + 200);
        },
        30_000,
      );
      assert.ok(after.counts.every((count, index) => count >= (before.counts[index] ?? 0)));
    });
  }
});
