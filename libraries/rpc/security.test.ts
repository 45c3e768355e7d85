import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import http2 from 'node:http2';
import net from 'node:net';
import tls from 'node:tls';

import { makeCertificates } from '../certificates/index.js';
import { runCommand } from '../process/index.js';
import { isServing } from './health.js';
import { readSecurity, RpcClient, RpcServer, type Identity, type Security } from './index.js';

const controller: Identity = { role: 'controller', name: '' };
const restoreOfA: Identity = { role: 'restore', name: 'vm-a' };

describe('secured connections', function () {
  this.timeout(30_000);
  let folder = '';
  let server: RpcServer | undefined;
  const clients: RpcClient<'Restore'>[] = [];
  const callers: (Identity | undefined)[] = [];

  const filesOf = (name: string, certs = folder) => {
    const file = (end: string): string => path.join(certs, end);
    return { ca: file('ca.pem'), certificate: file(`${name}.pem`), key: file(`${name}.key`) };
  };
  const as = (name: string, certs?: string): Security => readSecurity(filesOf(name, certs));

  async function serve(security: Security, address = `unix:${path.join(folder, 'socket')}`): Promise<string> {
    server = new RpcServer(security);
    const release = (_request: unknown, { caller }: { caller: Identity | undefined }): Promise<object> => {
      callers.push(caller);
      return Promise.resolve({});
    };
    const others = () => Promise.reject(new Error('not asked for'));
    // prettier-ignore
    const handlers = { GetNode: others, Prepare: others, StartPageServer: others, PutImages: release, Restore: others,
                       Activate: others, Release: release, Discard: others, TakeOver: others, GetUsage: others,
                       ListPages: others, DigestPages: others };
    server.add('Restore', handlers);
    const [port = 0] = await server.listen([address]);
    return address.replace(/:0$/, `:${port}`);
  }

  function client(address: string, security: Security, expected = restoreOfA): RpcClient<'Restore'> {
    const made = new RpcClient('Restore', address, 'the test server', security, expected);
    clients.push(made);
    return made;
  }

  const release = (from: RpcClient<'Restore'>): Promise<unknown> =>
    from.call('Release', { migrationId: 'm-1', epoch: 1, container: 'web' }, { deadlineMs: 3_000 });

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'portkey-security-'));
    const options = { folder, vms: ['vm-a', 'vm-b'], hosts: ['host-a'], days: 1, renew: false };
    await makeCertificates(options, runCommand);
    await makeCertificates({ ...options, folder: path.join(folder, 'others') }, runCommand);
  });

  afterEach(async () => {
    for (const made of clients.splice(0)) made.close();
    await server?.stop(100);
    server = undefined;
    callers.length = 0;
  });

  after(() => rm(folder, { recursive: true, force: true }));

  it('name nobody in TLS, where an address would be wrong and warned of', async () => {
    const warnings: Error[] = [];
    const listener = (warning: Error): void => void warnings.push(warning);
    process.on('warning', listener);
    const address = await serve(as('restore-vm-a'), '127.0.0.1:0');
    assert.ok(await isServing(address, 3_000, as('controller'), restoreOfA));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', listener);
    assert.deepEqual(warnings, []);
  });

  it('let those call who may, and tell who it is', async () => {
    const address = await serve(as('restore-vm-a'));
    await release(client(address, as('controller')));
    assert.deepEqual(callers, [controller]);
    assert.equal(await isServing(address, 3_000, as('operator'), restoreOfA), true);
  });

  it('let nobody else call: another role, another agent, nobody at all', async () => {
    const address = await serve(as('restore-vm-a'));
    for (const name of ['operator', 'relay-host-a', 'checkpoint-vm-b', 'restore-vm-a'])
      await assert.rejects(release(client(address, as(name))), { code: 'not-permitted' }, name);
    const images = async function* () {
      yield await Promise.resolve({ migrationId: 'm-1', name: 'a', content: Buffer.alloc(1) });
    };
    const upload = (name: string): Promise<unknown> =>
      client(address, as(name)).upload('PutImages', images(), { deadlineMs: 3_000 });
    await assert.rejects(upload('controller'), { code: 'not-permitted' });
    await upload('checkpoint-vm-b');
    assert.deepEqual(callers, [{ role: 'checkpoint', name: 'vm-b' }]);
  });

  it('refuse before anything of a request has come, and whatever comes then', async () => {
    const address = await serve(as('restore-vm-a'));
    const { status, code } = await answerTo(address, as('operator'), (request) => {
      for (let sent = 0; sent < 64; sent++) request.write(Buffer.alloc(2 ** 20));
    });
    assert.deepEqual([status, code], ['7', 'not-permitted']);
    assert.deepEqual(callers, []);
    await release(client(address, as('controller')));
  });

  it('tell the health of the service, and of its parts to who asks for one', async () => {
    const address = await serve(as('restore-vm-a'));
    const asked = (part?: string): Promise<boolean> =>
      isServing(address, 3_000, as('controller'), restoreOfA, part);
    assert.deepEqual([await asked(), await asked('disk')], [true, false]);
    server?.setPartServing('disk', true);
    assert.ok(await asked('disk'));
    server?.setPartServing('disk', false);
    assert.deepEqual([await asked(), await asked('disk')], [true, false]);
  });

  it('are of TLS 1.3', async () => {
    const address = await serve(as('restore-vm-a'));
    const connect = (maxVersion: tls.SecureVersion): Promise<string | null> =>
      connected(address, as('controller'), maxVersion);
    assert.equal(await connect('TLSv1.3'), 'TLSv1.3');
    await assert.rejects(connect('TLSv1.2'), /alert protocol version/);
  });

  it('are refused with certificates of another CA, on either side, and without any', async () => {
    const address = await serve(as('restore-vm-a'));
    const others = path.join(folder, 'others');
    for (const [security, message] of [
      [as('controller', others), /shows a certificate that is not accepted here: self-signed certificate/],
      ['insecure', /does not answer; is it running/],
    ] as const) {
      await assert.rejects(release(client(address, security)), { code: 'service-unavailable', message });
      assert.equal(await isServing(address, 1_000, security, restoreOfA), false);
    }
    assert.deepEqual(callers, []);
  });

  it('are refused where another answers than the one that was meant', async () => {
    const address = await serve(as('restore-vm-a'));
    for (const expected of [
      { role: 'restore', name: 'vm-b' } as const,
      { role: 'checkpoint', name: 'vm-a' } as const,
    ])
      await assert.rejects(release(client(address, as('controller'), expected)), {
        code: 'service-unavailable',
        message:
          /not accepted here: its certificate has portkey:restore\/vm-a, where portkey:.* was expected/,
      });
  });

  it('are refused where the server has none, to a client that has', async () => {
    const address = await serve('insecure');
    await assert.rejects(release(client(address, as('controller'))), {
      code: 'service-unavailable',
      message: /speaks without certificates, which is not accepted here/,
    });
  });

  it('need files that are there, and say how they are made', async () => {
    await writeFile(path.join(folder, 'empty.pem'), '');
    assert.throws(() => as('nobody'), { code: 'invalid-argument', message: /nobody\.pem.*portkey certs/ });
  });
});

/** What a connection is made with that knows nothing of this library. */
function socketTo(address: string, security: Security, versions: tls.SecureContextOptions): tls.TLSSocket {
  assert.ok(security !== 'insecure');
  const { ca, certificate: cert, key } = security;
  const socket = net.connect(address.replace('unix:', ''));
  return tls.connect({
    ...{ ca, cert, key, socket, ALPNProtocols: ['h2'] },
    ...{ checkServerIdentity: () => undefined },
    ...versions,
  });
}

/** The version that both agree on. */
function connected(
  address: string,
  security: Security,
  maxVersion: tls.SecureVersion,
): Promise<string | null> {
  const socket = socketTo(address, security, { minVersion: 'TLSv1.2', maxVersion });
  return new Promise<string | null>((resolve, reject) => {
    socket.on('error', reject).on('secureConnect', () => resolve(socket.getProtocol()));
  }).finally(() => socket.destroy());
}

/** To a request that never ends. */
async function answerTo(
  address: string,
  security: Security,
  write: (request: http2.ClientHttp2Stream) => void,
): Promise<{ status: unknown; code: unknown }> {
  const socket = socketTo(address, security, {});
  const session = http2.connect('https://portkey', { createConnection: () => socket });
  try {
    const headers = { ':method': 'POST', ':path': '/portkey.v1.Restore/Release', te: 'trailers' };
    const request = session.request({ ...headers, 'content-type': 'application/grpc' });
    const answer = new Promise<http2.IncomingHttpHeaders>((resolve, reject) => {
      request.on('response', resolve).on('error', reject);
      session.on('error', reject);
    });
    const answered = await answer;
    write(request);
    return { status: answered['grpc-status'], code: answered['portkey-code'] };
  } finally {
    session.destroy();
  }
}
