import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';

import { RunList } from '../../../libraries/hypercall/index.js';
import {
  acceptTcp,
  listenTcp,
  noWakeUp,
  openTcpSocket,
  receiveExactly,
  setReceiveTimeout,
} from '../../../libraries/libc/index.js';
import { systemClock } from '../../../libraries/process/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import { GuestRam } from '../ram/guest-ram.js';
import { RamMap } from '../ram/ram-map.js';
import { landedBody, tokenBytes } from './bodies.js';
import type { Batch, LinkParts } from './link.js';
import { encodeMessage } from './protocol.js';
import { RateLimit } from './rate-limit.js';
import { ShutDownFlag } from './shut-down-flag.js';
import { SocketLink } from './socket-link.js';
import { TokenBucket } from './token-bucket.js';

const address = '127.0.0.1';
const batch: Batch = { object: 1, ticket: 1, pages: 4, zeroPages: 0 };

describe('the link to another relay', () => {
  let folder = '';
  let listener: { fd: number; port: number };
  let ram: GuestRam;
  let socketFd = -1;
  let far = -1;

  beforeEach(() => {
    folder = mkdtempSync('/dev/shm/portkey-link-');
    const file = path.join(folder, 'ram');
    writeFileSync(file, Buffer.alloc(4 * PAGE_BYTES, 1));
    const section = { guestAddress: 0, byteLength: 4 * PAGE_BYTES, fileOffset: 0 };
    ram = GuestRam.open('vm-a', file, new RamMap([section]));
    listener = listenTcp(address);
    socketFd = openTcpSocket();
  });

  afterEach(() => {
    for (const fd of [far, socketFd, listener.fd]) if (fd >= 0) closeSync(fd);
    far = -1;
    ram.release();
    rmSync(folder, { recursive: true });
  });

  function linkWith(parts: LinkParts): SocketLink {
    const destination = {
      type: 'relay',
      socketFd,
      peer: { address, port: listener.port },
      host: 'host-b',
      security: 'insecure',
      token: Buffer.alloc(tokenBytes),
      migrationId: 'm-1',
      stream: 0,
      streamCount: 2,
    } as const;
    return new SocketLink(destination, noWakeUp, ram.mapped, parts);
  }

  function rateOf(bytesPerSecond: number, wait: () => void): RateLimit {
    const { shared } = new TokenBucket(bytesPerSecond);
    return new RateLimit({ bytesPerSecond, shared, clock: systemClock, wait });
  }

  it('says nothing to it when the stream was shut down while it was still connecting', () => {
    const shutDown = new ShutDownFlag();
    const link = linkWith({ rate: rateOf(0, () => undefined), shutDown, onLanded: () => undefined });
    // The flag alone, as where the kernel has not ended the connecting socket.
    shutDown.set();
    assert.throws(() => link.connect(), { code: 'stream-broken', message: /before it was connected/ });
    closeSync(socketFd);
    socketFd = -1;
    far = acceptTcp(listener.fd, 1000);
    assert.equal(receiveExactly(far, Buffer.alloc(1), 1), false, 'the connection carried nothing');
  });

  /** Sends a batch, and meanwhile, as it waits for its rate, the other relay says this. Returns what has landed then. */
  function sendWhile(answer: Buffer): Batch[] {
    const landed: Batch[] = [];
    const rate = rateOf(PAGE_BYTES * 10, () => {
      writeSync(far, answer);
      link.wait(1000);
    });
    const shutDown = new (class extends ShutDownFlag {
      /** Asked once the connection is there, and before anything is said on it. */
      override get isSet(): boolean {
        far = acceptTcp(listener.fd, 1000);
        writeSync(far, encodeMessage('welcome', 0));
        return false;
      }
    })();
    const link = linkWith({ rate, shutDown, onLanded: (each) => landed.push(each) });
    try {
      link.connect();
      // A wait that does not end is another error then.
      setReceiveTimeout(socketFd, 1000);
      const runs = new RunList();
      runs.push(0, batch.pages, 0);
      link.sendPages(batch, runs, []);
    } finally {
      link.close();
    }
    return landed;
  }

  it('has nothing landed that was not sent, whatever it says', () => {
    const landed = encodeMessage('landed', 1, landedBody(PAGE_BYTES));
    assert.throws(() => sendWhile(landed), {
      code: 'stream-broken',
      message: /message 1 has landed.*not sent/,
    });
  });

  it('reads no more of it after what was wrong', () => {
    const message = /does not begin with PKST/;
    assert.throws(() => sendWhile(Buffer.alloc(40)), { code: 'stream-broken', message });
  });
});
