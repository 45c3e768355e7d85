import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, connect, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { RpcClient, RpcServer } from './index.js';

const deadlineMs = 5_000;
const anybody = { role: 'controller', name: '' } as const;

describe("a call to a host that was started anew, while the client's connection stood idle", () => {
  let folder = '';
  let server: RpcServer;
  let host: Server;
  let client: RpcClient<'Containers'>;
  /** Which life of the host a connection is of; what comes on one of an earlier life is answered by a reset. */
  let life = 1;
  const calls: string[] = [];

  beforeEach(async () => {
    calls.splice(0);
    folder = await mkdtemp(path.join(tmpdir(), 'portkey-rpc-'));
    server = new RpcServer('insecure');
    const noted = (what: string) => () => {
      calls.push(what);
      return Promise.resolve({});
    };
    server.add('Containers', { List: noted('List'), Run: noted('Run'), Stop: noted('Stop') });
    const address = path.join(folder, 'service');
    await server.listen([`unix:${address}`]);
    host = createServer((socket) => {
      const lifeOfConnection = life;
      const service = connect(address);
      socket.on('data', (bytes) => (life === lifeOfConnection ? service.write(bytes) : socket.destroy()));
      service.on('data', (bytes) => socket.write(bytes));
      socket.on('close', () => service.destroy()).on('error', () => undefined);
      service.on('close', () => socket.destroy()).on('error', () => undefined);
    });
    const outside = path.join(folder, 'host');
    await new Promise<void>((resolve) => host.listen(outside, resolve));
    client = new RpcClient('Containers', `unix:${outside}`, 'the test server', 'insecure', anybody);
    await client.call('List', {}, { deadlineMs });
    life += 1;
  });

  afterEach(async () => {
    client.close();
    await server.stop(100);
    await new Promise((resolve) => host.close(resolve));
    await rm(folder, { recursive: true, force: true });
  });

  it('is made again where it is a question', async () => {
    await client.ask('List', {}, { deadlineMs });
    assert.deepEqual(calls, ['List', 'List']);
  });

  it('fails where it may have had an effect', async () => {
    const stopped = client.call('Stop', { name: 'web' }, { deadlineMs });
    await assert.rejects(stopped, { code: 'service-unavailable' });
    assert.deepEqual(calls, ['List']);
  });

  it('fails as a question, too, where nobody is there any more', async () => {
    await server.stop(100);
    await assert.rejects(client.ask('List', {}, { deadlineMs }), { code: 'service-unavailable' });
  });
});
