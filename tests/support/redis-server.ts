/**
 * A real redis-server of a test's own: on loopback, on a free port, in a temporary folder, gone afterwards.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';

import { Redis } from 'ioredis';

import { redisOptions } from '../../testbed/workload/index.js';

export class RedisServer implements AsyncDisposable {
  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
    readonly port: number,
    /** A connection of its own, to look and to meddle behind the back of what is tested. */
    readonly admin: Redis,
  ) {}

  static async start(): Promise<RedisServer> {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'portkey-redis-'));
    const port = await freePort();
    const child = spawn('redis-server', redisOptions(port, '127.0.0.1', folder), { stdio: 'ignore' });
    const admin = new Redis({ port, retryStrategy: () => 50, maxRetriesPerRequest: null });
    admin.on('error', () => undefined);
    await admin.ping();
    return new RedisServer(child, folder, port, admin);
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.admin.disconnect();
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGKILL');
      await ended;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
