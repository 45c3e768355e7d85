import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';

import { systemClock } from '../../libraries/process/index.js';
import {
  hasWorkload,
  startWorkload,
  stopWorkload,
  Workload,
  workloadClient,
  workloadFiles,
  type WorkloadPlace,
} from '../../testbed/workload/index.js';
import { valueOf } from '../../testbed/workload/values.js';
import { RedisServer } from '../support/redis-server.js';

const memoryBytes = 4 * 2 ** 20;
const keys = memoryBytes / 4096;

interface Settings {
  readonly port: number;
  readonly rate: number;
  readonly memory: number;
  readonly random: () => number;
}

describe('the built-in workload against a real Redis', function () {
  this.timeout(20_000);
  let redis: RedisServer;
  let workload: Workload | undefined;

  beforeEach(async () => {
    redis = await RedisServer.start();
  });

  afterEach(async () => {
    await workload?.end();
    workload = undefined;
    await redis[Symbol.asyncDispose]();
  });

  const start = async (settings: Partial<Settings> = {}): Promise<Workload> => {
    workload = new Workload(
      {
        container: 'web',
        host: '127.0.0.1',
        port: settings.port ?? redis.port,
        memoryBytes: settings.memory ?? memoryBytes,
        writeBytesPerSecond: settings.rate ?? 2 * 2 ** 20,
        connectWithinMs: 5_000,
      },
      systemClock,
      settings.random ?? Math.random,
    );
    await workload.start();
    return workload;
  };

  it('loads as much as it was told, writes at its rate, and finds everything again', async () => {
    const client = await start();
    const before = client.status().acknowledgedWrites;
    assert.equal(before, keys);
    await systemClock.sleep(1000);
    const written = client.status().acknowledgedWrites - before;
    assert.ok(written > 350 && written < 600, `${written} writes of 4 KiB in one second, 512 were due`);
    const verdict = await client.verify();
    assert.equal(verdict.ok, true);
    assert.equal(verdict.keys, keys);
    assert.equal(verdict.lostWrites + verdict.corruptValues, 0);
    assert.equal(verdict.connectionId, client.status().connectionId);
    assert.equal(await redis.admin.dbsize(), keys);
    const memory = Number(/used_memory_dataset:(\d+)/.exec(await redis.admin.info('memory'))?.[1]);
    assert.ok(Math.abs(memory / memoryBytes - 1) < 0.1, `${memory} bytes in Redis for ${memoryBytes}`);
  });

  it('goes on writing after a check, and checks again', async () => {
    const client = await start();
    const { acknowledgedWrites } = await client.verify();
    await systemClock.sleep(200);
    assert.equal(client.status().phase, 'writing');
    const second = await client.verify();
    assert.ok(second.acknowledgedWrites > acknowledgedWrites);
    assert.equal(second.ok, true);
  });

  it('has nothing to do at size 0 and rate 0, and still knows its connection', async () => {
    const client = await start({ memory: 0, rate: 0 });
    await systemClock.sleep(100);
    const verdict = await client.verify();
    assert.deepEqual([verdict.ok, verdict.keys, verdict.acknowledgedWrites], [true, 0, 0]);
    assert.ok(client.status().replies > 2, 'it probes with PING');
  });

  it('notices a write that was lost', async () => {
    const client = await start({ rate: 0 });
    await redis.admin.del('key:00000007');
    const verdict = await client.verify();
    assert.deepEqual([verdict.ok, verdict.lostWrites, verdict.corruptValues], [false, 1, 0]);
  });

  it('notices an older value in the place of an acknowledged one', async () => {
    let writes = 0;
    const firstKeyTenTimesThenTheSecond = (): number => ((writes += 1) <= 10 ? 0 : 1.5 / keys);
    const client = await start({ random: firstKeyTenTimesThenTheSecond });
    await systemClock.sleep(200);
    assert.ok(writes > 20);
    await redis.admin.set('key:00000000', valueOf(0, 10));
    const verdict = await client.verify();
    assert.deepEqual([verdict.ok, verdict.lostWrites, verdict.corruptValues], [false, 1, 0]);
  });

  it('notices a value that was never written so', async () => {
    const client = await start({ rate: 0 });
    await redis.admin.setrange('key:00000009', 2000, 'x');
    await redis.admin.set('key:00000010', 'short');
    await redis.admin.del('key:00000011');
    await redis.admin.lpush('key:00000011', 'not even a string');
    const verdict = await client.verify();
    assert.deepEqual([verdict.ok, verdict.lostWrites, verdict.corruptValues], [false, 0, 3]);
  });

  it('measures how long the server stood still, and forgets it on request', async () => {
    const client = await start();
    client.resetPause();
    await systemClock.sleep(100);
    assert.ok(client.status().longestPauseSeconds < 0.2);
    redis.signal('SIGSTOP');
    await systemClock.sleep(700);
    const during = client.status().longestPauseSeconds;
    redis.signal('SIGCONT');
    await systemClock.sleep(300);
    const after = client.status().longestPauseSeconds;
    assert.ok(during > 0.5 && during < 1, `${during} s while it stands still`);
    assert.ok(after >= during && after < 1.2, `${after} s afterwards`);
    client.resetPause();
    assert.ok(client.status().longestPauseSeconds < 0.2);
    assert.equal((await client.verify()).ok, true);
  });

  it('measures a pause also where it has nothing to write', async () => {
    const client = await start({ rate: 0 });
    client.resetPause();
    redis.signal('SIGSTOP');
    // The PING that waits for it may be sent a tenth of a second later.
    await systemClock.sleep(500);
    redis.signal('SIGCONT');
    await systemClock.sleep(100);
    assert.ok(client.status().longestPauseSeconds > 0.3);
  });

  it('never connects again, and checks the data over a connection made for that', async () => {
    await using proxy = await Proxy.start(redis.port);
    const client = await start({ port: proxy.port });
    proxy.cut();
    await systemClock.sleep(100);
    assert.deepEqual([client.status().phase, client.status().connectionKept], ['broken', false]);
    assert.match(client.status().detail, /the connection to Redis at 127\.0\.0\.1:\d+ broke/);
    const verdict = await client.verify();
    assert.deepEqual([verdict.ok, verdict.connectionKept], [false, false]);
    assert.equal(verdict.lostWrites + verdict.corruptValues, 0);
    assert.equal(client.status().phase, 'broken');
  });

  it('says that it cannot check when Redis is gone', async () => {
    const client = await start();
    redis.signal('SIGKILL');
    await systemClock.sleep(100);
    await assert.rejects(client.verify(), { code: 'service-unavailable' });
  });

  it('counts writes that Redis refuses', async () => {
    const client = await start();
    await redis.admin.config('SET', 'maxmemory', '1');
    await systemClock.sleep(200);
    assert.ok(client.status().refusedWrites > 0);
    assert.match(client.status().detail, /^OOM/);
    assert.equal((await client.verify()).ok, false);
  });
});

describe('the process of a workload client', function () {
  this.timeout(20_000);
  let redis: RedisServer;
  let folder: string;
  let place: WorkloadPlace;

  beforeEach(async () => {
    redis = await RedisServer.start();
    folder = await mkdtemp(path.join(os.tmpdir(), 'portkey-workload-'));
    place = {
      runtimeFolder: folder,
      logFolder: folder,
      namespace: undefined,
      metrics: '127.0.0.1:0',
      certificates: undefined,
    };
  });

  afterEach(async () => {
    await stopWorkload(place, 'web', systemClock);
    await redis[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const request = () => ({
    container: 'web',
    host: '127.0.0.1',
    port: redis.port,
    memoryBytes,
    writeBytesPerSecond: 2 ** 20,
  });

  it('outlives its starter, answers over its socket, and is gone after a stop', async () => {
    const status = await startWorkload(place, request(), systemClock, () => undefined);
    assert.deepEqual([status.phase, status.keys, status.connectionKept], ['writing', keys, true]);
    const pid = Number(await readFile(workloadFiles(place, 'web').pid, 'utf8'));
    const client = workloadClient(place, 'web');
    const verdict = await client.call('Verify', {}, { deadlineMs: 10_000 });
    client.close();
    assert.equal(verdict.ok, true);
    assert.equal(hasWorkload(place, 'web'), true);
    await stopWorkload(place, 'web', systemClock);
    assert.equal(hasWorkload(place, 'web'), false);
    assert.equal(existsSync(`/proc/${pid}`), false);
  });

  it('says why it could not load, and leaves nothing behind', async () => {
    await redis.admin.config('SET', 'maxclients', '1');
    await assert.rejects(
      startWorkload(place, request(), systemClock, () => undefined),
      {
        code: 'stream-broken',
      },
    );
    assert.equal(hasWorkload(place, 'web'), false);
  });

  it('stops loading on request, and leaves nothing behind', async () => {
    const stopping = new AbortController();
    const reason = new Error('stopped');
    const loading = startWorkload(place, request(), systemClock, () => undefined, stopping.signal);
    stopping.abort(reason);
    await assert.rejects(loading, reason);
    assert.equal(hasWorkload(place, 'web'), false);
  });
});

/** A TCP proxy whose connections can be cut while both ends live on. */
class Proxy implements AsyncDisposable {
  private readonly sockets: Socket[] = [];

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async start(target: number): Promise<Proxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const proxy = new Proxy(server, (server.address() as AddressInfo).port);
    server.on('connection', (inner) => {
      const outer = connect(target, '127.0.0.1');
      inner.on('error', () => undefined).pipe(outer);
      outer.on('error', () => undefined).pipe(inner);
      proxy.sockets.push(inner, outer);
    });
    return proxy;
  }

  cut(): void {
    for (const socket of this.sockets.splice(0)) socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
