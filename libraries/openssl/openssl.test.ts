import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

import { filesOf, makeCertificates } from '../certificates/index.js';
import { acceptTcp, listenTcp, noWakeUp, setBlocking, shutdownSocket, waitReadable } from '../libc/index.js';
import { runCommand } from '../process/index.js';
import { readSecurity, type Identity, type Tls } from '../rpc/index.js';
import { TlsContext, TlsSession } from './index.js';
import type { PeerTask } from './testing/peer-thread.js';

const relayA: Identity = { role: 'relay', name: 'host-a' };
const relayB: Identity = { role: 'relay', name: 'host-b' };

describe('TLS on blocking sockets', function () {
  this.timeout(30_000);
  let folder = '';
  let listener = { fd: -1, port: 0 };
  const fds: number[] = [];
  const sessions: TlsSession[] = [];
  const sockets: Socket[] = [];

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'portkey-openssl-'));
    const options = { folder, vms: [], hosts: [relayA.name, relayB.name], days: 1, renew: false };
    await makeCertificates(options, runCommand);
  });

  after(() => rmSync(folder, { recursive: true, force: true }));
  beforeEach(() => (listener = listenTcp('127.0.0.1')));
  afterEach(() => {
    for (const session of sessions.splice(0)) session.free();
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const fd of [...fds.splice(0), listener.fd]) closeSync(fd);
  });

  function identityOf(identity: Identity): Tls {
    const security = readSecurity(filesOf(folder, identity));
    assert.ok(security !== 'insecure');
    return security;
  }

  function peer(does: PeerTask['does']): Worker {
    const workerData: PeerTask = { identity: identityOf(relayA), port: listener.port, does };
    return new Worker(new URL('./testing/peer-thread.js', import.meta.url), {
      workerData,
      trackUnmanagedFds: false,
    });
  }

  /** The next connection, before its handshake; nothing that is done with it waits. */
  async function accepted(): Promise<{ fd: number; session: TlsSession }> {
    while (!waitReadable(listener.fd, noWakeUp, 0)) await delay(5);
    const fd = acceptTcp(listener.fd, 1_000);
    fds.push(fd);
    setBlocking(fd, false);
    const context = TlsContext.open(identityOf(relayB));
    const session = context.session(fd, 'accepts', 'a test');
    // A session goes on without it.
    context.close();
    sessions.push(session);
    return { fd, session };
  }

  async function shaken(session: TlsSession): Promise<void> {
    while (!session.handshake()) await delay(2);
  }

  /** What the thread says once it is connected. */
  async function greeting(worker: Worker, session: TlsSession): Promise<{ fd: number; names: string }> {
    const said = once(worker, 'message');
    await shaken(session);
    const [greeted] = (await said) as [{ fd: number; names: string }];
    return greeted;
  }

  it('carry bytes between two threads, who know each other by name', async () => {
    const worker = peer('echo');
    const { fd, session } = await accepted();
    const { names } = await greeting(worker, session);
    assert.deepEqual([names, session.peerNames()], ['URI:portkey:relay/host-b', 'URI:portkey:relay/host-a']);
    setBlocking(fd, true);
    const sent = Buffer.from(new ArrayBuffer(100_000));
    const received = Buffer.alloc(sent.length);
    for (let round = 0; round < 20; round += 1) {
      for (let at = 0; at < sent.length; at += 4) sent.writeUInt32LE(round * sent.length + at, at);
      session.write(sent, sent.length);
      session.flush();
      for (let filled = 0; filled < received.length;) {
        const count = session.read(received.subarray(filled));
        assert.ok(count !== undefined && count > 0);
        filled += count;
      }
      assert.ok(received.equals(sent));
    }
    assert.equal(session.hasPending, false);
    shutdownSocket(fd);
    assert.deepEqual(await once(worker, 'message'), [{ ended: 'in order' }]);
  });

  it('tell what has come and was not read, and that nothing has', async () => {
    const socket = connectTls({ host: '127.0.0.1', port: listener.port, ...ours() });
    sockets.push(socket);
    const { fd, session } = await accepted();
    await Promise.all([once(socket, 'secureConnect'), shaken(session)]);
    const buffer = Buffer.alloc(4);
    assert.equal(session.read(buffer), 0);
    socket.write('12345678');
    assert.ok(waitReadable(fd, noWakeUp, 5_000));
    assert.equal(session.read(buffer), 4);
    assert.equal(waitReadable(fd, noWakeUp, 0), false, 'all of it was received');
    assert.equal(session.hasPending, true);
    assert.equal(session.read(buffer), 4);
    assert.equal(buffer.toString(), '5678');
    socket.destroy();
    assert.ok(waitReadable(fd, noWakeUp, 5_000));
    assert.equal(session.read(buffer), undefined);
  });

  for (const does of ['echo', 'send without end'] as const)
    it(`end at another thread’s shutdown, who would ${does}`, async () => {
      const worker = peer(does);
      const { session } = await accepted();
      const { fd } = await greeting(worker, session);
      // Until it is blocked: nobody reads here.
      await delay(300);
      shutdownSocket(fd);
      const [{ ended }] = (await once(worker, 'message')) as [{ ended: string }];
      assert.match(ended, does === 'echo' ? /^in order$/ : /^TLS with the test failed: (EPIPE|ECONNRESET)/);
    });

  const ours = (): ConnectionOptions => {
    const { ca, certificate, key } = identityOf(relayA);
    return { ca, cert: certificate, key, checkServerIdentity: () => undefined };
  };

  it('say why a handshake fails', async () => {
    const by = (options: ConnectionOptions) => () =>
      connectTls({ host: '127.0.0.1', port: listener.port, ...options });
    const cases: readonly (readonly [() => Socket, RegExp])[] = [
      [by({ ...ours(), cert: undefined, key: undefined }), /failed: peer did not return a certificate/],
      [by({ ...ours(), maxVersion: 'TLSv1.2' }), /failed: unsupported protocol/],
      [
        () => connect(listener.port, '127.0.0.1').end('no TLS at all, but longer than a record’s header'),
        /wrong version number/,
      ],
      [() => connect(listener.port, '127.0.0.1').end(), /the connection was closed/],
    ];
    for (const [come, reason] of cases) {
      const socket = come().on('error', () => undefined);
      sockets.push(socket);
      const { session } = await accepted();
      await assert.rejects(shaken(session), { code: 'stream-broken', message: reason });
      assert.throws(() => session.write(Buffer.alloc(1), 1), { code: 'stream-broken' });
      socket.destroy();
    }
  });

  it('go on in other hands, and are gone after they were given up or freed', async () => {
    const socket = connectTls({ host: '127.0.0.1', port: listener.port, ...ours() });
    sockets.push(socket);
    const { session } = await accepted();
    await Promise.all([once(socket, 'secureConnect'), shaken(session)]);
    const taken = TlsSession.takeOver(session.release());
    sessions.push(taken);
    assert.throws(() => session.read(Buffer.alloc(1)), { code: 'internal', message: /gone/ });
    taken.write(Buffer.from('hello'), 5);
    taken.flush();
    const [heard] = (await once(socket, 'data')) as [Buffer];
    assert.equal(heard.toString(), 'hello');
    taken.free();
    taken.free();
    assert.throws(() => taken.hasPending, { code: 'internal' });
  });

  it('refuse what is no certificate with its key and a CA, and ask nobody for a passphrase', async () => {
    const good = identityOf(relayA);
    const encrypted = path.join(folder, 'encrypted.key');
    // prettier-ignore
    await runCommand(['openssl', 'pkcs8', '-topk8', '-in', filesOf(folder, relayA).key, '-out', encrypted, '-passout', 'pass:secret']);
    const locked = readSecurity({ ...filesOf(folder, relayA), key: encrypted });
    assert.ok(locked !== 'insecure');
    const cases = [
      [{ ...good, ca: Buffer.from('x') }, /the CA is no certificate in PEM/],
      [{ ...good, certificate: good.key }, /no certificate in PEM/],
      [{ ...good, key: good.certificate }, /the key is none in PEM/],
      [
        { ...good, key: identityOf(relayB).key },
        /the key is not that of the certificate \(key values mismatch\)/,
      ],
      [locked, /or it is encrypted/],
    ] as const;
    for (const [identity, message] of cases)
      assert.throws(() => TlsContext.open(identity), { code: 'invalid-argument', message });
    TlsContext.open(good).close();
  });

  it('have an OpenSSL of their own: nothing of it is bound to Node’s', async () => {
    const entry = fileURLToPath(new URL('./library.js', import.meta.url));
    const script = `import('${entry}').then(({ openSsl }) => openSsl())`;
    const { stderr } = await runCommand(['env', 'LD_DEBUG=bindings', process.execPath, '-e', script]);
    const bound = stderr.split('\n').filter((line) => /binding file \S*libssl\.so\.3 /.test(line));
    assert.ok(bound.some((line) => / to \S*libcrypto\.so\.3 /.test(line)));
    assert.deepEqual(
      bound.filter((line) => !/ to \S*\/lib(ssl|crypto|c)\.so\.\d+ /.test(line)),
      [],
    );
  });
});
