/** Who comes to a landing, or stands where one should be, without the certificate that is due. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import {
  connect,
  createServer as createPlainServer,
  type AddressInfo,
  type Server,
  type Socket,
} from 'node:net';
import { connect as connectTls, createServer, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { eventually } from '../../tests/support/eventually.js';
import { runCommand } from '../../libraries/process/index.js';
import type { Landing } from '../../libraries/rpc/index.js';
import { helloBody } from './stream/bodies.js';
import { encodeMessage } from './stream/protocol.js';
import { listOf, withRelays } from './testing/relays.js';
import {
  checkpointOfA,
  relayA,
  relayB,
  TestCertificates,
  type NodeTls,
} from './testing/test-certificates.js';

const token = 'ab'.repeat(32);

describe('a stream by TLS', function () {
  this.timeout(60_000);
  const relays = withRelays();
  const sockets: Socket[] = [];
  const servers: Server[] = [];
  let others: TestCertificates | undefined;
  before(async () => (others = await TestCertificates.make()));
  after(() => others?.remove());
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const server of servers.splice(0)) server.close();
  });

  function visit({ address, port }: Landing): Socket {
    const socket = connect(port, address).on('error', () => undefined);
    sockets.push(socket);
    return socket;
  }

  function visitBy({ address, port }: Landing, options: ConnectionOptions): TLSSocket {
    const socket = connectTls({ host: address, port, ...options }).on('error', () => undefined);
    sockets.push(socket);
    return socket;
  }

  /** Also where an alert comes before, which is an error to Node. */
  const closed = (socket: Socket): Promise<void> =>
    new Promise((resolve) => socket.once('close', () => resolve()));

  /** Sends pages by the stream that is due, which strangers have not kept from it. */
  async function migrate(migrationId: string, landing: Landing): Promise<void> {
    const startMs = performance.now();
    await relays.hosts.openStream(migrationId, landing);
    assert.ok(performance.now() - startMs < 3_000, `admitted after ${performance.now() - startMs} ms`);
    const runs = listOf([[0x100, 3, 0]]);
    relays.fill(runs);
    await relays.send(migrationId, runs);
    relays.verify(migrationId, runs);
    await relays.hosts.close(migrationId);
  }

  const hello = (migrationId: string, landing: Landing): Buffer =>
    encodeMessage(
      'hello',
      0,
      helloBody({ token: Buffer.from(landing.token, 'hex'), migrationId, stream: 0, streamCount: 1 }),
    );

  type Come = (landing: Landing, hello: Buffer) => Socket;
  const ours = (identity = relayA): Partial<NodeTls> => ({ ...relays.hosts.certified.nodeTls(identity) });
  const say = (socket: TLSSocket, bytes: Buffer): Socket => {
    socket.once('secureConnect', () => socket.write(bytes));
    return socket;
  };
  const strangers: readonly (readonly [who: string, come: Come, reason: RegExp])[] = [
    ['speaks without TLS', (at, bytes) => visit(at).end(bytes), /wrong version number/],
    ['sends what means nothing', (at) => visit(at).end(Buffer.alloc(400, 0x5a)), /wrong version number/],
    ['ends in the handshake', (at) => visit(at).end(Buffer.from('160301', 'hex')), /connection was closed/],
    [
      'has no certificate',
      (at, bytes) => say(visitBy(at, { ...ours(), cert: undefined, key: undefined }), bytes),
      /peer did not return a certificate/,
    ],
    [
      'has one of another CA',
      (at, bytes) => {
        const { cert, key } = others?.nodeTls(relayA) ?? {};
        return say(visitBy(at, { ...ours(), cert, key }), bytes);
      },
      /certificate verify failed, unable to get local issuer certificate|self-signed/,
    ],
    [
      'is an agent',
      (at, bytes) => say(visitBy(at, ours(checkpointOfA)), bytes),
      /is that of portkey:checkpoint\/vm-a, where portkey:relay\/host-a was expected/,
    ],
    [
      'is the relay of another host',
      (at, bytes) => say(visitBy(at, ours(relayB)), bytes),
      /is that of portkey:relay\/host-b, where portkey:relay\/host-a was expected/,
    ],
    [
      'knows no TLS 1.3',
      (at, bytes) => say(visitBy(at, { ...ours(), minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' }), bytes),
      /unsupported protocol/,
    ],
  ];
  strangers.forEach(([who, come, reason], index) => {
    it(`does not come from whoever ${who}, also with the token`, async () => {
      const migrationId = `stranger-${index}`;
      const landing = await relays.hosts.openLanding(migrationId);
      const socket = come(landing, hello(migrationId, landing));
      await closed(socket.resume());
      const log = await eventually('the landing says why', () => {
        const [line] = relays.hosts.relayB.linesAbout(new RegExp(`"${migrationId}".*turned away`));
        return Promise.resolve(line);
      });
      assert.match(log, reason);
      await migrate(migrationId, landing);
    });
  });

  it('does not wait for those who stall in the handshake, and turns them away in time', async () => {
    const migrationId = 'stalls';
    const landing = await relays.hosts.openLanding(migrationId);
    // The beginning of a record that does not come.
    const stalling = [
      Buffer.alloc(0),
      Buffer.from('160301', 'hex'),
      Buffer.from('1603010200010001fc', 'hex'),
    ];
    const startMs = performance.now();
    const ended = stalling.map(async (bytes) => {
      const socket = visit(landing);
      socket.write(bytes);
      await closed(socket.resume());
    });
    await Promise.all(ended);
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs > 4_000 && tookMs < 10_000, `they were turned away after ${tookMs} ms`);
    await eventually('the landing says why', () =>
      Promise.resolve(
        relays.hosts.relayB.linesAbout(/HELLO did not come in time/).length === stalling.length,
      ),
    );
    for (const bytes of stalling) visit(landing).write(bytes);
    await migrate(migrationId, landing);
  });

  /** What a source says of a destination like this, and all that it has told it. */
  async function refusalOf(server: Server): Promise<{ message: string; told: Buffer }> {
    servers.push(server);
    const told: Buffer[] = [];
    for (const event of ['connection', 'secureConnection'])
      server.on(event, (socket: Socket) => {
        sockets.push(socket.on('error', () => undefined));
        if (event === 'secureConnection') socket.on('data', (bytes) => told.push(bytes));
      });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    let message = '';
    await assert.rejects(
      relays.hosts.openStream('elsewhere', { address: '127.0.0.1', port, token }),
      (error: Error) => {
        message = error.message;
        return (error as Error & { code: string }).code === 'stream-broken';
      },
    );
    return { message, told: Buffer.concat(told) };
  }

  it('tells nobody its token but the relay of the destination’s host', async () => {
    const cases = [
      [
        createServer(ours(relayA)),
        /is that of portkey:relay\/host-a, where portkey:relay\/host-b was expected/,
      ],
      [createServer(ours(checkpointOfA)), /is that of portkey:checkpoint\/vm-a/],
      [createServer({ ...others?.nodeTls(relayB) }), /certificate verify failed/],
      [createServer({ ...ours(relayB), minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' }), /protocol version/],
      [createPlainServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')), /wrong version number/],
      [createPlainServer((socket) => socket.destroy()), /connection was closed|ECONNRESET/],
    ] as const;
    for (const [server, reason] of cases) {
      const { message, told } = await refusalOf(server);
      assert.match(message, reason);
      assert.equal(told.length, 0);
    }
  });

  it('is not had by a relay whose key is not its certificate’s, which does not start', async () => {
    const config = path.join(await mkdtemp(path.join(tmpdir(), 'portkey-relay-')), 'relay.json');
    const [own, other] = [relays.hosts.certified.filesOf(relayA), relays.hosts.certified.filesOf(relayB)];
    assert.ok(own !== 'insecure' && other !== 'insecure');
    const security = { ...own, key: other.key };
    const [listen, metrics] = [['127.0.0.1:0'], '127.0.0.1:0'];
    await writeFile(
      config,
      JSON.stringify({ host: 'host-a', listen, metrics, security, dataAddress: '127.0.0.1', vms: [] }),
    );
    const entry = fileURLToPath(new URL('main.js', import.meta.url));
    const { exitCode, stderr } = await runCommand([process.execPath, entry, '--config', config]);
    await rm(path.dirname(config), { recursive: true });
    assert.equal(exitCode, 1);
    assert.match(stderr, /TLS cannot be set up: the key is not that of the certificate/);
  });

  it('ends at once when it is closed in the handshake', async () => {
    const silent = createPlainServer((socket) => sockets.push(socket));
    servers.push(silent);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const opening = relays.hosts.openStream('silent', { address: '127.0.0.1', port, token });
    const failed = assert.rejects(opening, { code: 'stream-broken' });
    await once(silent, 'connection');
    const startMs = performance.now();
    await relays.hosts.relayA.client.call(
      'CloseSession',
      { migrationId: 'silent', vm: 'vm-a' },
      { deadlineMs: 8_000 },
    );
    await failed;
    assert.ok(performance.now() - startMs < 3_000);
  });
});
