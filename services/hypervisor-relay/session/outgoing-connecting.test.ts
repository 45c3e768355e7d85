/** Sources whose streams end while they are not all connected yet. */
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';

import { acceptTcp, connectTcp, listenTcp, openTcpSocket } from '../../../libraries/libc/index.js';
import { GuestRam } from '../ram/guest-ram.js';
import { RamMap } from '../ram/ram-map.js';
import { tokenBytes } from '../stream/bodies.js';
import { streamThreads, type StreamThreads } from '../stream/thread-pool.js';
import { OutgoingSession } from './outgoing-session.js';

const ramBytes = 2 ** 20;
/** WELCOME is waited for twice as long. */
const atOnceMs = 5_000;
/** As listenTcp's: the kernel queues one connection more. */
const listenBacklog = 8;

/** A listener with one place left in its queue: of two streams one is connected, the other goes on connecting. */
class AlmostFullListener {
  private readonly listener = listenTcp('127.0.0.1');
  private readonly fds: number[] = [this.listener.fd];

  constructor() {
    for (let count = 0; count < listenBacklog; count += 1) {
      const fd = openTcpSocket();
      this.fds.push(fd);
      connectTcp(fd, { address: '127.0.0.1', port: this.port }, 1_000);
    }
  }

  get port(): number {
    return this.listener.port;
  }

  /** Resolves when a stream is connecting in vain. */
  async full(): Promise<void> {
    const peer = `:${this.port.toString(16).toUpperCase().padStart(4, '0')}`;
    const isConnecting = (line: string): boolean => {
      const [, , remote, state] = line.trim().split(/\s+/);
      return remote?.endsWith(peer) === true && state === '02';
    };
    const untilMs = performance.now() + 10_000;
    while (!readFileSync('/proc/net/tcp', 'utf8').split('\n').some(isConnecting)) {
      assert.ok(performance.now() < untilMs, 'no stream is connecting in vain');
      await setTimeout(10);
    }
  }

  /** Ends the stream that is connected, which makes room for the other. */
  cutFirst(): void {
    for (let count = 0; count < listenBacklog; count += 1) this.fds.push(acceptTcp(this.listener.fd, 1_000));
    closeSync(acceptTcp(this.listener.fd, 1_000));
  }

  close(): void {
    for (const fd of this.fds) closeSync(fd);
  }
}

describe("a source's streams that are not all connected", function () {
  this.timeout(30_000);
  let folder = '';
  let threads: StreamThreads | undefined;
  let ram: GuestRam | undefined;

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'portkey-stream-'));
    threads = streamThreads();
    const file = path.join(folder, 'ram');
    writeFileSync(file, '');
    truncateSync(file, ramBytes);
    ram = GuestRam.open('vm-a', file, new RamMap([{ guestAddress: 0, byteLength: ramBytes, fileOffset: 0 }]));
  });

  afterEach(async () => {
    ram?.release();
    await threads?.senders.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function sessionTo(port: number): OutgoingSession {
    assert.ok(threads && ram);
    return new OutgoingSession({
      vm: 'vm-a',
      migrationId: 'm-1',
      ram,
      target: {
        peer: { address: '127.0.0.1', port },
        host: 'host-b',
        security: 'insecure',
        token: Buffer.alloc(tokenBytes),
        streamCount: 2,
      },
      bytesPerSecond: 0,
      threads: threads.senders,
    });
  }

  it('are over at once when one fails while the other is still connecting', async () => {
    const listener = new AlmostFullListener();
    const session = sessionTo(listener.port);
    try {
      const failed = assert.rejects(session.connected(), { code: 'stream-broken' });
      await listener.full();
      const startMs = performance.now();
      listener.cutFirst();
      await failed;
      await session.close();
      const tookMs = performance.now() - startMs;
      assert.ok(tookMs < atOnceMs, `it took ${tookMs} ms`);
    } finally {
      await session.close();
      listener.close();
    }
  });

  it('are over at once when they are closed before any is connected', async () => {
    const { fd, port } = listenTcp('127.0.0.1');
    try {
      const startMs = performance.now();
      await sessionTo(port).close();
      const tookMs = performance.now() - startMs;
      assert.ok(tookMs < atOnceMs, `it took ${tookMs} ms`);
    } finally {
      closeSync(fd);
    }
  });
});
