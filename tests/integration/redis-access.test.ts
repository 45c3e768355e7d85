/**
 * Redis as the test bed starts it: what its user may do there, and that an acknowledged decision outlives a crash.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { Redis } from 'ioredis';
import { pino } from 'pino';

import { systemClock } from '../../libraries/process/index.js';
import { defaultLimits } from '../../services/controller/limits.js';
import { MigrationQueue } from '../../services/controller/queue/migration-queue.js';
import { MigrationStore, StateStoreConnection } from '../../services/controller/state/index.js';
import { redisCommand, redisUsers } from '../../testbed/configs.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/redis-server.js';

const password = 'a password of the test';
const kept = 10;

describe("the test bed's Redis", function () {
  this.timeout(20_000);
  let folder = '';
  let port = 0;
  let server: ChildProcess;
  let connection: StateStoreConnection;

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'portkey-redis-access-'));
    port = await freePort();
    await writeFile(path.join(folder, 'users.acl'), redisUsers(password));
    await writeFile(path.join(folder, 'password'), `${password}\n`);
    await start();
    connection = StateStoreConnection.open({
      host: '127.0.0.1',
      port,
      user: 'portkey',
      passwordFile: path.join(folder, 'password'),
    });
  });
  after(async () => {
    connection.close();
    await kill();
    await rm(folder, { recursive: true, force: true });
  });

  async function start(): Promise<void> {
    const place = {
      host: '127.0.0.1',
      port,
      folder,
      users: path.join(folder, 'users.acl'),
      passwordFile: '',
    };
    const [program = '', ...args] = redisCommand(place);
    server = spawn(program, args, { stdio: 'ignore' });
    await eventually('Redis asks who is there', asksWhoIsThere);
  }

  async function asksWhoIsThere(): Promise<boolean> {
    const anybody = new Redis({ port, retryStrategy: null });
    anybody.on('error', () => undefined);
    const answer = await anybody.ping().catch((error: unknown) => String(error));
    anybody.disconnect();
    return answer.includes('NOAUTH');
  }

  async function kill(): Promise<void> {
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGKILL');
    await ended;
  }

  it('lets the controller decide, and nobody without its password', async () => {
    const store = new MigrationStore(connection, systemClock, kept);
    const wanted = { to: 'vm-b', mode: 'portkey', wish: '', retryOf: '' } as const;
    const migration = { id: 'm-1', container: 'web', ...wanted };
    assert.equal(await store.create(migration, 'asked for'), undefined);
    assert.equal((await store.get('m-1'))?.state, 'pending');
    const stranger = new Redis({ port, username: 'portkey', password: 'another', retryStrategy: null });
    stranger.on('error', () => undefined);
    await assert.rejects(stranger.get('portkey:migrations'), /WRONGPASS|NOAUTH|closed/);
    stranger.disconnect();
  });

  it('lets the queue do what it does', async () => {
    const log = pino({ level: 'silent' });
    const queue = new MigrationQueue(connection, systemClock, { ...defaultLimits, stalledMs: 100 }, log);
    const done: string[] = [];
    queue.start((job) => {
      done.push(job.waitsFor);
      return Promise.resolve(done.length === 1 ? { afterMs: 10, waitsFor: 'a place' } : 'at-rest');
    });
    await queue.add('m-2', 'run');
    await eventually('the job has been worked on twice', () => done.length === 2);
    assert.deepEqual(done, ['', 'a place']);
    const jobKey = `${MigrationQueue.jobPrefix}m-2`;
    await eventually('the job is gone', async () => (await connection.redis.exists(jobKey)) === 0);
    await queue.pause();
    await queue.stop();
  });

  it('lets the controller touch its own keys only, and administer nothing', async () => {
    const { redis } = connection;
    for (const [command, ...args] of [
      ['set', 'another', '1'],
      ['flushall'],
      ['config', 'get', 'dir'],
      ['shutdown'],
      ['acl', 'list'],
    ]) {
      await assert.rejects(redis.call(command ?? '', args), /NOPERM/, command);
    }
    assert.match(String(await redis.call('info', ['server'])), /redis_version/);
  });

  it('is lost and found once each, however often the connection is tried, and says why', async () => {
    const told: string[] = [];
    const watched = (passwordFile: string): StateStoreConnection => {
      const made = StateStoreConnection.open({ host: '127.0.0.1', port, user: 'portkey', passwordFile });
      made.watch((problem) => void told.push(problem?.message ?? 'there'));
      return made;
    };
    const wrongFile = path.join(folder, 'wrong-password');
    await writeFile(wrongFile, 'another');
    const stranger = watched(wrongFile);
    await eventually('it is refused', () => told.length > 0);
    // Some ten attempts.
    await delay(2_000);
    stranger.close();
    assert.match(
      told.splice(0).join('; '),
      /^Redis at 127\.0\.0\.1:\d+ does not answer \(WRONGPASS [^;]*\); see [^;]*$/,
    );
    const known = watched(path.join(folder, 'password'));
    await eventually('it is there', () => told.includes('there'));
    await kill();
    await eventually('it is lost', () => told.length === 2);
    await start();
    await eventually('it is back', () => told.length === 3);
    known.close();
    assert.deepEqual([told[0], told[2]], ['there', 'there']);
    assert.match(told[1] ?? '', /does not answer/);
  });

  it('has what it acknowledged after it was killed', async () => {
    const store = new MigrationStore(connection, systemClock, kept);
    const lock = { key: `${MigrationQueue.jobPrefix}m-1:lock`, token: 'ours' };
    await connection.redis.set(lock.key, lock.token);
    await store.takeOver({ id: 'm-1', epoch: 0 }, lock, 'taken over');
    await kill();
    await start();
    await eventually('the epoch is the last', async () => (await store.get('m-1'))?.epoch === 1);
  });
});
