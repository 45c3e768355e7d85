/** What comes to a landing's port without being, or behaving as, one of the migration's streams. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

import type { Landing } from '../../libraries/rpc/index.js';
import { decodeRefused, helloBody } from './stream/bodies.js';
import { decodeHeader, encodeMessage, streamHeaderBytes } from './stream/protocol.js';
import { listOf, withRelays } from './testing/relays.js';
import { relayA } from './testing/test-certificates.js';
import { deadlineMs, TwoHosts } from './testing/two-hosts.js';

for (const insecure of [false, true])
  describe(`a landing ${insecure ? 'without' : 'with'} TLS`, function () {
    this.timeout(60_000);
    const relays = withRelays(() => TwoHosts.start({ insecure }));
    const sockets: Socket[] = [];
    afterEach(() => {
      for (const socket of sockets.splice(0)) socket.destroy();
    });

    async function visit({ address, port }: Landing): Promise<Socket> {
      const tls = relays.hosts.certified.nodeTls(relayA);
      const socket = tls === undefined ? connect(port, address) : connectTls({ host: address, port, ...tls });
      sockets.push(socket);
      await once(socket, tls === undefined ? 'connect' : 'secureConnect');
      return socket.on('error', () => undefined);
    }

    function helloOf({ token }: Landing, migrationId: string, stream = 0, streamCount = 1): Buffer {
      const hello = { token: Buffer.from(token, 'hex'), migrationId, stream, streamCount };
      return encodeMessage('hello', 0, helloBody(hello));
    }

    /** What has come by the connection's end, refusals with their reason. */
    async function answersOf(socket: Socket): Promise<string[]> {
      const received: Buffer[] = [];
      socket.on('data', (bytes) => received.push(bytes));
      await once(socket, 'close');
      const answers: string[] = [];
      for (let bytes = Buffer.concat(received); bytes.length > 0;) {
        const { type, bodyBytes } = decodeHeader(bytes);
        const end = streamHeaderBytes + bodyBytes;
        const body = bytes.subarray(streamHeaderBytes, end);
        if (type === 'refused') answers.push(`${decodeRefused(body).code}: ${decodeRefused(body).text}`);
        else answers.push(type);
        bytes = bytes.subarray(end);
      }
      return answers;
    }

    it('does not keep its stream waiting for strangers that say nothing, or begin and do not go on', async () => {
      const migrationId = 'crowded';
      const landing = await relays.hosts.openLanding(migrationId);
      for (let silent = 0; silent < 3; silent += 1) await visit(landing);
      const hello = helloOf({ ...landing, token: '00'.repeat(32) }, migrationId);
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
      socket.write(helloOf(landing, migrationId));
      socket.write(encodeMessage('end', 2));
      assert.deepEqual(await answersOf(socket), ['welcome', 'stream-broken: message 2 came where 1 was due']);
      await assert.rejects(
        relays.hosts.relayB.client.call('SealLanding', { migrationId, vm: 'vm-b' }, { deadlineMs }),
        { code: 'stream-broken' },
      );
      await relays.hosts.close(migrationId);
    });

    it('takes no second HELLO of a stream that it has admitted', async () => {
      const migrationId = 'twice';
      const landing = await relays.hosts.openLanding(migrationId);
      const socket = await visit(landing);
      const answers = answersOf(socket);
      socket.write(helloOf(landing, migrationId));
      await once(socket, 'data');
      const again = { token: Buffer.from(landing.token, 'hex'), migrationId, stream: 0, streamCount: 1 };
      socket.write(encodeMessage('hello', 1, helloBody(again)));
      const refusal = 'stream-broken: the other relay sent hello where it does not belong';
      assert.deepEqual(await answers, ['welcome', refusal]);
      await relays.hosts.close(migrationId);
    });

    it('takes each of its streams once, only with the token, and all of them together', async () => {
      const migrationId = 'group';
      const landing = await relays.hosts.openLanding(migrationId);
      const say = async (token: string, stream: number, streamCount: number): Promise<Socket> => {
        const socket = await visit(landing);
        socket.write(helloOf({ ...landing, token }, migrationId, stream, streamCount));
        return socket;
      };
      const second = await say(landing.token, 1, 2);
      second.on('data', () => assert.fail('an answer before all are there'));
      const refusals = [
        ['00'.repeat(32), 0, 2, 'session-unknown: the token does not admit to this landing'],
        [landing.token, 1, 2, 'session-unknown: this landing has stream 1 already'],
        [landing.token, 0, 3, 'session-unknown: this landing waits for 2 streams, not for one of 3'],
      ] as const;
      for (const [token, stream, streamCount, refusal] of refusals) {
        assert.deepEqual(await answersOf(await say(token, stream, streamCount)), [refusal]);
      }
      // One that ends before the others have come was never there.
      second.destroy();
      const streams = [await say(landing.token, 0, 2), await say(landing.token, 1, 2)];
      const answers = streams.map(answersOf);
      await Promise.all(streams.map((socket) => once(socket, 'data')));
      await assert.rejects(say(landing.token, 1, 2), { code: 'ECONNREFUSED' });
      for (const socket of streams) socket.write(encodeMessage('end', 1));
      assert.deepEqual(await Promise.all(answers), [
        ['welcome', 'landed'],
        ['welcome', 'landed'],
      ]);
      await relays.hosts.relayB.client.call('SealLanding', { migrationId, vm: 'vm-b' }, { deadlineMs });
      await relays.hosts.close(migrationId);
    });

    it('is not sealed by the end of one of its streams', async () => {
      const migrationId = 'half';
      const landing = await relays.hosts.openLanding(migrationId);
      const sockets = [await visit(landing), await visit(landing)];
      sockets.forEach((socket, stream) => socket.write(helloOf(landing, migrationId, stream, 2)));
      const [first, second] = sockets;
      assert.ok(first && second);
      await once(second, 'readable');
      first.write(encodeMessage('end', 1));
      assert.deepEqual(await answersOf(first), ['welcome', 'landed']);
      second.destroy();
      await assert.rejects(
        relays.hosts.relayB.client.call('SealLanding', { migrationId, vm: 'vm-b' }, { deadlineMs }),
        { code: 'stream-broken', message: /before its end/ },
      );
      await relays.hosts.close(migrationId);
    });
  });
