/**
 * A real redis-server of the test's own: a Unix socket in a temporary folder, gone with `stop`.
 *
 * It can be killed and started again with its data (appendonly), and made to hang (SIGSTOP), which is how a Redis
 * behind a broken network looks.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { Redis } from 'ioredis';

const startTimeoutMs = 10_000;

export class RedisServer {
  private child: ChildProcess | undefined;

  private constructor(private readonly folder: string) {}

  static async start(): Promise<RedisServer> {
    const server = new RedisServer(await mkdtemp(path.join(tmpdir(), 'portkey-redis-')));
    await server.restart();
    return server;
  }

  get path(): string {
    return path.join(this.folder, 'redis.sock');
  }

  /** Starts it, after `kill` with the data it had, or without; `isVolatile`: as one that keeps none. */
  async restart({ empty = false, isVolatile = false } = {}): Promise<void> {
    if (empty) await rm(path.join(this.folder, 'appendonlydir'), { recursive: true, force: true });
    const options = ['--port', '0', '--unixsocket', this.path, '--dir', this.folder, '--save', ''];
    const durable = ['--appendonly', isVolatile ? 'no' : 'yes', '--appendfsync', 'always'];
    this.child = spawn('redis-server', [...options, ...durable], { stdio: 'ignore' });
    const deadline = Date.now() + startTimeoutMs;
    while (!(await this.answers())) {
      if (Date.now() > deadline) throw new Error('redis-server does not answer');
      await delay(20);
    }
  }

  async kill(): Promise<void> {
    const { child } = this;
    if (child === undefined) return;
    this.child = undefined;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  hang(): void {
    this.child?.kill('SIGSTOP');
  }

  goOn(): void {
    this.child?.kill('SIGCONT');
  }

  /** A connection for the test's own questions; the caller ends it. */
  connect(): Redis {
    return new Redis({ path: this.path });
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  private async answers(): Promise<boolean> {
    const redis = new Redis({ path: this.path, lazyConnect: true, retryStrategy: null });
    redis.on('error', () => undefined);
    try {
      await redis.connect();
      await redis.ping();
      return true;
    } catch {
      return false;
    } finally {
      redis.disconnect();
    }
  }
}
