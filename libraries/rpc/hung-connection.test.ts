import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { RpcClient, RpcServer } from './index.js';

const deadlineMs = 30_000;
const anybody = { role: 'controller', name: '' } as const;

describe('a call while an attempt to connect hangs, as one does that was begun while the network was cut', function () {
  this.timeout(20_000);
  let folder = '';
  let server: RpcServer;
  let host: Server;
  let client: RpcClient<'Containers'>;
  const silent: Socket[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'portkey-rpc-'));
    server = new RpcServer('insecure');
    const answer = (): Promise<object> => Promise.resolve({});
    server.add('Containers', { List: answer, Run: answer, Stop: answer });
    const address = path.join(folder, 'service');
    await server.listen([`unix:${address}`]);
    host = createServer((socket) => {
      socket.on('error', () => undefined);
      if (silent.length === 0) {
        silent.push(socket);
        return;
      }
      const service = connect(address).on('error', () => undefined);
      socket.pipe(service).pipe(socket);
    });
    const outside = path.join(folder, 'host');
    await new Promise<void>((resolve) => host.listen(outside, resolve));
    client = new RpcClient('Containers', `unix:${outside}`, 'the test server', 'insecure', anybody);
  });

  afterEach(async () => {
    client.close();
    for (const socket of silent.splice(0)) socket.destroy();
    await server.stop(100);
    await new Promise((resolve) => host.close(resolve));
    await rm(folder, { recursive: true, force: true });
  });

  it('fails long before its deadline, and the next one begins anew', async () => {
    const startMs = performance.now();
    const hung = client.call('List', {}, { deadlineMs });
    await assert.rejects(hung, { code: 'service-unavailable', message: /no connection to it comes about/ });
    assert.ok(performance.now() - startMs < 12_000);
    await client.call('List', {}, { deadlineMs });
  });

  it('fails together with others that wait for the same', async () => {
    const hung = client.call('Stop', { name: 'web' }, { deadlineMs });
    const too = client.call('List', {}, { deadlineMs });
    for (const call of [hung, too]) await assert.rejects(call, { code: 'service-unavailable' });
    await client.call('List', {}, { deadlineMs });
  });
});
