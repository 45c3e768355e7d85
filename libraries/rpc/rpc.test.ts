import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { PortkeyError } from '../errors/index.js';
import { RpcClient, RpcServer } from './index.js';

const deadlineMs = 5_000;

/** Without certificates nobody looks at who it is. */
const anybody = { role: 'controller', name: '' } as const;

describe('a call', () => {
  let folder = '';
  let server: RpcServer | undefined;
  let client: RpcClient<'Containers'> | undefined;
  const failures: string[] = [];
  beforeEach(() => failures.splice(0));

  /** A server of containers that answers `List` as told; the other methods are not called. */
  async function serve(list: () => Promise<{ containers: [] }>): Promise<RpcClient<'Containers'>> {
    folder = await mkdtemp(path.join(tmpdir(), 'portkey-rpc-'));
    const address = `unix:${path.join(folder, 'socket')}`;
    const notCalled = (): never => {
      throw new PortkeyError('internal', 'not called in this test');
    };
    server = new RpcServer('insecure', ({ method, error }) => failures.push(`${method}: ${error.message}`));
    server.add('Containers', { List: list, Run: notCalled, Stop: notCalled });
    await server.listen([address]);
    return (client = new RpcClient('Containers', address, 'the test server', 'insecure', anybody));
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
      assert.deepEqual(failures, ["Containers.List: container 'web' is busy"]);
    });
  }

  it('brings back an error that names anything at all, at any length', async () => {
    const [half, long] = [`no image '${'a'.repeat(199)}\ud83d'`, '€'.repeat(100_000)];
    const messages = [half, long];
    const caller = await serve(() => Promise.reject(new PortkeyError('bad-run', messages.shift() ?? '')));
    await assert.rejects(caller.call('List', {}, { deadlineMs }), {
      code: 'bad-run',
      message: `no image '${'a'.repeat(199)}\ufffd'`,
    });
    await assert.rejects(caller.call('List', {}, { deadlineMs }), { message: `${'€'.repeat(2048)}…` });
    assert.equal(failures.length, 2);
  });

  it('with many answers brings back the error that ended them, and its server hears of it', async () => {
    await serve(() => Promise.reject(new Error('not called')));
    const checkpoint = new RpcServer('insecure', ({ method, error }) =>
      failures.push(`${method}: ${error.code}`),
    );
    const notCalled = (): never => {
      throw new PortkeyError('internal', 'not called in this test');
    };
    checkpoint.add('Checkpoint', {
      ...{ GetNode: notCalled, Describe: notCalled, Begin: notCalled, Throttle: notCalled },
      ...{ Freeze: notCalled, Dump: notCalled, Finish: notCalled, Rollback: notCalled },
      ...{ DigestPages: notCalled, TakeOver: notCalled, GetUsage: notCalled },
      Round: async function* () {
        yield await Promise.resolve({ pagesSent: 1 });
        throw new PortkeyError('scan-failed', 'no pagemap');
      },
    });
    const address = `unix:${path.join(folder, 'checkpoint')}`;
    await checkpoint.listen([address]);
    const caller = new RpcClient('Checkpoint', address, 'the test server', 'insecure', anybody);
    const pages: number[] = [];
    const read = async (): Promise<void> => {
      for await (const { pagesSent } of caller.stream('Round', {}, { deadlineMs })) pages.push(pagesSent);
    };
    await assert.rejects(read(), { code: 'scan-failed' });
    assert.deepEqual([pages, failures], [[1], ['Checkpoint.Round: scan-failed']]);
    caller.close();
    await checkpoint.stop(100);
  });

  it('ends at its deadline when the handler does not answer', async () => {
    const caller = await serve(() => new Promise(() => undefined));
    await assert.rejects(
      caller.call('List', {}, { deadlineMs: 50 }),
      /the test server did not answer in time/,
    );
  });

  it('names the server that is not there', async () => {
    const caller = new RpcClient(
      'Containers',
      'unix:/nonexistent/socket',
      'the test server',
      'insecure',
      anybody,
    );
    await assert.rejects(caller.call('List', {}, { deadlineMs }), (error) => {
      assert.ok(error instanceof PortkeyError);
      assert.equal(error.code, 'service-unavailable');
      assert.match(error.message, /the test server does not answer/);
      return true;
    });
    caller.close();
  });
});
