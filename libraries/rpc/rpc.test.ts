import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { PortkeyError } from '../errors/index.js';
import { RpcClient, RpcServer } from './index.js';

const deadlineMs = 5_000;

describe('a call', () => {
  let folder = '';
  let server: RpcServer | undefined;
  let client: RpcClient<'Containers'> | undefined;

  /** A server of containers that answers `List` as told; the other methods are not called. */
  async function serve(list: () => Promise<{ containers: [] }>): Promise<RpcClient<'Containers'>> {
    folder = await mkdtemp(path.join(tmpdir(), 'portkey-rpc-'));
    const address = `unix:${path.join(folder, 'socket')}`;
    const notCalled = (): never => {
      throw new PortkeyError('internal', 'not called in this test');
    };
    server = new RpcServer();
    server.add('Containers', { List: list, Run: notCalled, Stop: notCalled });
    await server.listen([address]);
    return (client = new RpcClient('Containers', address, 'the test server'));
  }

  afterEach(async () => {
    client?.close();
    await server?.stop(100);
    await rm(folder, { recursive: true, force: true });
  });

  for (const [how, fail] of [
    [
      'later',
      () => Promise.reject(new PortkeyError('container-busy', "container 'web' is busy", { details: 'log' })),
    ],
    [
      'at once',
      () => {
        throw new PortkeyError('container-busy', "container 'web' is busy", { details: 'log' });
      },
    ],
  ] as const) {
    it(`brings a handler's error back as it was thrown ${how}`, async () => {
      const caller = await serve(fail);
      await assert.rejects(caller.call('List', {}, { deadlineMs }), (error) => {
        assert.ok(error instanceof PortkeyError);
        assert.deepEqual(
          [error.code, error.message, error.details],
          ['container-busy', "container 'web' is busy", 'log'],
        );
        return true;
      });
    });
  }

  it('ends at its deadline when the handler does not answer', async () => {
    const caller = await serve(() => new Promise(() => undefined));
    await assert.rejects(
      caller.call('List', {}, { deadlineMs: 50 }),
      /the test server did not answer in time/,
    );
  });

  it('names the server that is not there', async () => {
    const caller = new RpcClient('Containers', 'unix:/nonexistent/socket', 'the test server');
    await assert.rejects(caller.call('List', {}, { deadlineMs }), (error) => {
      assert.ok(error instanceof PortkeyError);
      assert.equal(error.code, 'service-unavailable');
      assert.match(error.message, /the test server does not answer/);
      return true;
    });
    caller.close();
  });
});
