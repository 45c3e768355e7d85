/**
 * What happens to a container's memory while its pages travel.
 */
import assert from 'node:assert/strict';

import { withTestbed } from './support/fixture.js';
import { OutsideConnection } from './support/outside-connection.js';
import { inGuest, portkeyJson, portkeyOk, startPortkey, untilState } from './support/portkey.js';

/** Holds 48 MiB, waits for SIGUSR1, and becomes another program that holds 16 MiB and answers with their hash. */
const execs = `
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
data = os.urandom(48 << 20)
signal.sigwait([signal.SIGUSR1])
os.execv('/usr/bin/python3', ['python3', '-c', sys.argv[1]])
`;
const afterExec = `
import hashlib, os, socket
data = os.urandom(16 << 20); first = hashlib.sha256(data).hexdigest()
listener = socket.create_server(('0.0.0.0', 7000))
while True:
    peer, _ = listener.accept()
    for line in peer.makefile('r'):
        peer.sendall(f'{hashlib.sha256(data).hexdigest() == first}\\n'.encode())
`;

describe('memory that changes while it travels', function () {
  this.timeout(120_000);
  withTestbed();

  it('arrives whole although a task calls exec between two rounds', async () => {
    const { ip, pid } = await portkeyJson<{ ip: string; pid: number }>(
      'run', 'vm-a', 'execs', '--rootfs', '/', '--tmpfs', '/tmp', '--', 'python3', '-c', execs, afterExec,
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
      const connection = await OutsideConnection.open(ip, 7000);
      assert.equal(await connection.ask('?\n', /\n$/), 'True\n');
      connection.close();
    } finally {
      await portkeyOk('stop', 'execs');
    }
  });
});
