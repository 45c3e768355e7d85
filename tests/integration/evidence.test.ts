import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { EvidenceGatherer } from '../../cli/migrate/evidence.js';
import { verifyWorkload } from '../../cli/workload/verify.js';
import { systemClock } from '../../libraries/process/index.js';
import { startWorkload, stopWorkload, type WorkloadPlace } from '../../testbed/workload/index.js';
import { RedisServer } from '../support/redis-server.js';

const workload = { memoryBytes: 2 ** 20, writeBytesPerSecond: 2 ** 20 };

describe("the evidence of a workload's client", function () {
  this.timeout(30_000);
  let redis: RedisServer;
  let folder: string;
  let place: WorkloadPlace;
  let notes: string[];

  beforeEach(async () => {
    notes = [];
    redis = await RedisServer.start();
    folder = await mkdtemp(path.join(os.tmpdir(), 'portkey-evidence-'));
    place = {
      runtimeFolder: folder,
      logFolder: folder,
      namespace: undefined,
      metrics: '127.0.0.1:0',
      certificates: undefined,
    };
    const target = { container: 'web', host: '127.0.0.1', port: redis.port };
    await startWorkload(place, { ...target, ...workload }, systemClock, () => undefined);
  });

  afterEach(async () => {
    await stopWorkload(place, 'web', systemClock);
    await redis[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const begin = (container = 'web'): Promise<EvidenceGatherer> =>
    EvidenceGatherer.begin(place, container, systemClock, (line) => notes.push(line));

  it('has the pause of the migration, and that nothing is lost', async () => {
    using gatherer = await begin();
    redis.signal('SIGSTOP');
    await systemClock.sleep(500);
    // As after a migration: the client gets its first reply only some time after the tasks run again.
    setTimeout(() => redis.signal('SIGCONT'), 200);
    const evidence = await gatherer.finish();
    assert.ok((evidence.clientPauseSeconds ?? 0) > 0.6, `${evidence.clientPauseSeconds ?? 0} s`);
    assert.deepEqual(
      [evidence.workload, evidence.verified, evidence.connectionKept],
      [{ name: 'redis', ...workload }, true, true],
    );
    assert.deepEqual(notes, []);
  });

  it('tells lost data from a broken connection', async () => {
    using gatherer = await begin();
    await redis.admin.flushall();
    const evidence = await gatherer.finish();
    assert.deepEqual([evidence.verified, evidence.connectionKept], [false, true]);
  });

  it('takes data that cannot be read for lost', async () => {
    using gatherer = await begin();
    redis.signal('SIGKILL');
    await systemClock.sleep(100);
    const evidence = await gatherer.finish();
    assert.deepEqual([evidence.verified, evidence.connectionKept], [false, false]);
    assert.match(notes.join(), /the data cannot be read/);
  });

  it('is none for another container, or without the client', async () => {
    using other = await begin('other');
    assert.equal(other.isExpected, false);
    assert.equal((await other.finish()).verified, null);
    using gatherer = await begin();
    await stopWorkload(place, 'web', systemClock);
    const evidence = await gatherer.finish();
    assert.equal(gatherer.isExpected, true);
    assert.deepEqual([evidence.verified, evidence.workload], [null, null]);
    assert.match(notes.join(), /the data was not verified: workload client of web does not answer/);
  });

  it('is what verify prints', async () => {
    const verification = await verifyWorkload(place, 'web');
    assert.deepEqual(Object.keys(verification), [
      'name',
      'ok',
      'keys',
      'acknowledgedWrites',
      'lostWrites',
      'corruptValues',
      'connectionKept',
      'connectionId',
      'longestPauseSeconds',
    ]);
    assert.deepEqual([verification.ok, verification.keys], [true, 256]);
  });
});
