/** What comes to a landing's port without being, or behaving as, the migration's stream. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import type { Landing } from '../../libraries/rpc/index.js';
import {
  decodeHeader,
  decodeRefused,
  encodeMessage,
  helloBody,
  streamHeaderBytes,
} from './stream/protocol.js';
import { listOf, withRelays } from './testing/relays.js';
import { deadlineMs } from './testing/two-hosts.js';

describe('a landing', function () {
  this.timeout(60_000);
  const relays = withRelays();
  const sockets: Socket[] = [];
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });

  async function visit({ address, port }: Landing): Promise<Socket> {
    const socket = connect(port, address).on('error', () => undefined);
    sockets.push(socket);
    await once(socket, 'connect');
    return socket;
  }

  it('does not keep its stream waiting for strangers that say nothing, or begin and do not go on', async () => {
    const migrationId = 'crowded';
    const landing = await relays.hosts.openLanding(migrationId);
    for (let silent = 0; silent < 3; silent += 1) await visit(landing);
    const hello = encodeMessage('hello', 0, helloBody(Buffer.alloc(32), migrationId));
    for (const length of [1, streamHeaderBytes, hello.length - 1]) {
      (await visit(landing)).write(hello.subarray(0, length));
    }
    const startMs = performance.now();
    await relays.hosts.openStream(migrationId, landing);
    assert.ok(performance.now() - startMs < 3_000, `admitted after ${performance.now() - startMs} ms`);
    const runs = listOf([[0x100, 1, 0]]);
    relays.fill(runs);
    await relays.send(migrationId, runs);
    relays.verify(migrationId, runs);
    await relays.hosts.close(migrationId);
  });

  it('ends a stream in which a message is missing', async () => {
    const migrationId = 'gap';
    const landing = await relays.hosts.openLanding(migrationId);
    const socket = await visit(landing);
    const received: Buffer[] = [];
    socket.on('data', (bytes) => received.push(bytes));
    socket.write(encodeMessage('hello', 0, helloBody(Buffer.from(landing.token, 'hex'), migrationId)));
    socket.write(encodeMessage('end', 2));
    await once(socket, 'close');
    const answers = Buffer.concat(received);
    assert.equal(decodeHeader(answers).type, 'welcome');
    const refused = answers.subarray(streamHeaderBytes);
    assert.equal(decodeHeader(refused).type, 'refused');
    assert.deepEqual(decodeRefused(refused.subarray(streamHeaderBytes)), {
      code: 'stream-broken',
      text: 'message 2 came where 1 was due',
    });
    await assert.rejects(
      relays.hosts.relayB.client.call('SealLanding', { migrationId, vm: 'vm-b' }, { deadlineMs }),
      { code: 'stream-broken' },
    );
    await relays.hosts.close(migrationId);
  });
});
