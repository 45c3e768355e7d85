/**
 * The process on the link between the controller and Redis, through which the matrix of faults cuts Redis off.
 */
import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { Redis } from 'ioredis';

import type { LinkOrder } from '../faults/redis-link.js';
import { freePort, RedisServer } from '../support/redis-server.js';

const program = fileURLToPath(new URL('../faults/redis-link-program.js', import.meta.url));

describe('the link to Redis', () => {
  let redis: RedisServer;
  let link: ChildProcess;
  let client: Redis;

  beforeEach(async () => {
    redis = await RedisServer.start();
    const port = await freePort();
    link = fork(program, [String(port), String(redis.port)]);
    await once(link, 'message');
    client = new Redis({ port });
    await client.ping();
  });

  afterEach(async () => {
    client.disconnect();
    const ended = once(link, 'exit');
    link.disconnect();
    await ended;
    await redis[Symbol.asyncDispose]();
  });

  const tell = (order: LinkOrder['order'] & ('cut' | 'mend')): void => void link.send({ order });

  it('holds back what is sent while it is cut, and breaks no connection', async () => {
    let broken = 0;
    client.on('close', () => broken++);
    tell('cut');
    await delay(100);
    const answer = client.set('held', 'yes');
    await delay(300);
    assert.equal(await redis.admin.get('held'), null);
    tell('mend');
    assert.equal(await answer, 'OK');
    assert.equal(await redis.admin.get('held'), 'yes');
    assert.equal(broken, 0);
  });

  it('has what was sent arrive after the cut, though nobody waits for it any more', async () => {
    tell('cut');
    await delay(100);
    client.set('late', 'yes').catch(() => undefined);
    await delay(100);
    client.disconnect();
    await delay(100);
    assert.equal(await redis.admin.get('late'), null);
    tell('mend');
    await delay(200);
    assert.equal(await redis.admin.get('late'), 'yes');
  });
});
