/**
 * Containers that people run, each with a client outside that can tell whether it is still the same.
 *
 * `check` talks over the one connection that was opened before any migration, and fails where anything was lost.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { OutsideConnection } from './outside-connection.js';
import { portkeyJson, portkeyOk } from './portkey.js';
import { vms } from './fixture.js';

export interface Workload {
  readonly name: string;
  readonly start: (vm: string) => Promise<void>;
  /** Throws where data, connection or state are not what they were. */
  readonly check: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

interface Row {
  readonly ip: string;
}

/** The built-in one: Redis with a writing client; `verify` compares every acknowledged write. */
export function redis(size = '256M', writeRate = '5M'): Workload {
  return {
    name: 'redis',
    start: async (vm) => {
      await portkeyOk('run', vm, 'redis', '--workload', 'redis', '--size', size, '--write-rate', writeRate);
    },
    check: async () => {
      const verdict = await portkeyJson<{ ok: boolean; lostWrites: number; connectionKept: boolean }>(
        'verify',
        'redis',
      );
      assert.deepEqual([verdict.ok, verdict.lostWrites, verdict.connectionKept], [true, 0, true]);
    },
    stop: async () => {
      await portkeyOk('stop', 'redis');
    },
  };
}

/** A container and one connection to it. */
abstract class Connected implements Workload {
  protected connection: OutsideConnection | undefined;

  constructor(
    readonly name: string,
    private readonly port: number,
  ) {}

  protected abstract command(): readonly string[];
  protected abstract load(): Promise<void>;
  abstract check(): Promise<void>;

  async start(vm: string): Promise<void> {
    await this.prepare();
    const { ip } = await portkeyJson<Row>(
      'run',
      vm,
      this.name,
      '--rootfs',
      '/',
      '--tmpfs',
      '/tmp',
      '--',
      ...this.command(),
    );
    this.connection = await OutsideConnection.open(ip, this.port);
    await this.load();
  }

  async stop(): Promise<void> {
    this.connection?.close();
    await portkeyOk('stop', this.name);
  }

  protected prepare(): Promise<void> {
    return Promise.resolve();
  }

  protected ask(request: string, reply: RegExp): Promise<string> {
    assert.ok(this.connection, `${this.name} was not started`);
    return this.connection.ask(request, reply);
  }
}

/** Deterministic bytes that compress badly. */
function filler(seed: string, length: number): string {
  let text = '';
  for (let index = 0; text.length < length; index += 1)
    text += createHash('sha256').update(`${seed}${index}`).digest('hex');
  return text.slice(0, length);
}

const valueBytes = 32 * 1024;
const valueCount = 400;

class Memcached extends Connected {
  protected command(): readonly string[] {
    return ['memcached', '-u', 'root', '-m', '64', '-t', '2', '-l', '0.0.0.0', '-p', '11211'];
  }

  protected async load(): Promise<void> {
    for (let key = 0; key < valueCount; key += 1) {
      await this.ask(`set k${key} 0 0 ${valueBytes}\r\n${filler(`k${key}`, valueBytes)}\r\n`, /^STORED\r\n$/);
    }
    await this.ask('set counter 0 0 1\r\n0\r\n', /^STORED\r\n$/);
  }

  private increments = 0;

  async check(): Promise<void> {
    this.increments += 1;
    assert.equal(await this.ask('incr counter 1\r\n', /\r\n$/), `${this.increments}\r\n`);
    for (let key = 0; key < valueCount; key += 1) {
      const answer = await this.ask(`get k${key}\r\n`, /END\r\n$/);
      assert.equal(answer, `VALUE k${key} 0 ${valueBytes}\r\n${filler(`k${key}`, valueBytes)}\r\nEND\r\n`);
    }
  }
}

const nginxConfig = `
daemon off; worker_processes 3; pid /tmp/nginx.pid; error_log /tmp/error.log;
events { worker_connections 256; }
http {
  access_log /tmp/access.log; keepalive_timeout 3600s; keepalive_requests 1000000;
  client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
  server { listen 80; location / { return 200 "served by $pid, connection $connection request $connection_requests\\n"; } }
}
`;

/** A master and three workers; the connection stays with the worker that took it. */
class Nginx extends Connected {
  private worker = '';
  private requests = 0;

  protected command(): readonly string[] {
    return ['nginx', '-c', '/srv/nginx.conf', '-e', '/tmp/error.log'];
  }

  protected override async prepare(): Promise<void> {
    const folder = await mkdtemp(path.join(tmpdir(), 'portkey-nginx-'));
    try {
      await writeFile(path.join(folder, 'nginx.conf'), nginxConfig);
      for (const vm of vms)
        await portkeyOk('testbed', 'cp', path.join(folder, 'nginx.conf'), `${vm}:/srv/nginx.conf`);
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  protected async load(): Promise<void> {
    this.worker = await this.request();
  }

  async check(): Promise<void> {
    for (let time = 0; time < 20; time += 1)
      assert.equal(await this.request(), this.worker, 'the same worker answers');
  }

  private async request(): Promise<string> {
    const answer = await this.ask('GET / HTTP/1.1\r\nHost: web\r\n\r\n', /served by .*\n$/);
    const [, pid, requests] = /served by (\d+), connection \d+ request (\d+)/.exec(answer) ?? [];
    this.requests += 1;
    assert.equal(Number(requests), this.requests, 'no request on this connection was lost or repeated');
    return pid ?? '';
  }
}

/**
 * Eight threads that each own 8 MiB of random bytes and keep hashing them, and one that answers: for each thread
 * its native id, how often it went round, and whether its hash ever changed.
 */
const pythonServer = `
import hashlib, os, socket, threading, time
rounds = [0] * 8; native = [0] * 8; broken = []
def work(i):
    native[i] = threading.get_native_id()
    data = os.urandom(8 << 20); first = hashlib.sha256(data).hexdigest(); sums[i] = first
    while True:
        if hashlib.sha256(data).hexdigest() != first: broken.append(i)
        rounds[i] += 1
        time.sleep(0.2)
sums = [''] * 8
for i in range(8): threading.Thread(target=work, args=(i,), daemon=True).start()
while not all(rounds): time.sleep(0.1)
listener = socket.create_server(('0.0.0.0', 7000))
while True:
    peer, _ = listener.accept()
    for line in peer.makefile('r'):
        whole = hashlib.sha256(''.join(sums).encode()).hexdigest()
        peer.sendall(f'{os.getpid()} {threading.active_count()} {whole} {native} {len(broken)} {min(rounds)}\\n'.encode())
`;

class ThreadedPython extends Connected {
  private identity = '';
  private rounds = 0;

  protected command(): readonly string[] {
    return ['python3', '-c', pythonServer];
  }

  protected async load(): Promise<void> {
    this.identity = (await this.state()).identity;
  }

  async check(): Promise<void> {
    const before = await this.state();
    assert.equal(before.identity, this.identity, 'pid, threads, their ids and checksums');
    assert.ok(before.rounds >= this.rounds, 'no thread was set back');
    // On one emulated CPU eight threads take seconds to go round.
    const deadline = Date.now() + 30_000;
    do this.rounds = (await this.state()).rounds;
    while (this.rounds <= before.rounds && Date.now() < deadline);
    assert.ok(this.rounds > before.rounds, 'every thread goes on');
  }

  private async state(): Promise<{ identity: string; rounds: number }> {
    const words = (await this.ask('?\n', /\n$/)).trim().split(' ');
    return { identity: words.slice(0, -1).join(' '), rounds: Number(words.at(-1)) };
  }
}

export const memcached = (): Workload => new Memcached('memcached', 11211);
export const nginx = (): Workload => new Nginx('nginx', 80);
export const threadedPython = (): Workload => new ThreadedPython('python', 7000);
