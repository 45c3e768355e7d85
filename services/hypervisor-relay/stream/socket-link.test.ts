import assert from 'node:assert/strict';
import { closeSync } from 'node:fs';

import {
  acceptTcp,
  listenTcp,
  noWakeUp,
  openTcpSocket,
  receiveExactly,
} from '../../../libraries/libc/index.js';
import { systemClock } from '../../../libraries/process/index.js';
import { tokenBytes } from './bodies.js';
import { RateLimit } from './rate-limit.js';
import { ShutDownFlag } from './shut-down-flag.js';
import { SocketLink } from './socket-link.js';
import { TokenBucket } from './token-bucket.js';

const address = '127.0.0.1';

describe('the link to another relay', () => {
  it('says nothing to it when the stream was shut down while it was still connecting', () => {
    const listener = listenTcp(address);
    const socketFd = openTcpSocket();
    const shutDown = new ShutDownFlag();
    const link = new SocketLink(
      {
        type: 'relay',
        socketFd,
        peer: { address, port: listener.port },
        host: 'host-b',
        security: 'insecure',
        token: Buffer.alloc(tokenBytes),
        migrationId: 'm-1',
        stream: 0,
        streamCount: 2,
      },
      noWakeUp,
      { fd: -1, address: 0, sections: [{ guestAddress: 0, byteLength: 4096, fileOffset: 0 }] },
      {
        rate: new RateLimit({
          bytesPerSecond: 0,
          shared: new TokenBucket(0).shared,
          clock: systemClock,
          wait: () => undefined,
        }),
        shutDown,
        onLanded: () => undefined,
      },
    );
    let far: number | undefined;
    try {
      // The flag alone, as where the kernel has not ended the connecting socket.
      shutDown.set();
      assert.throws(() => link.connect(), { code: 'stream-broken', message: /before it was connected/ });
    } finally {
      closeSync(socketFd);
    }
    try {
      far = acceptTcp(listener.fd, 1000);
      assert.equal(receiveExactly(far, Buffer.alloc(1), 1), false, 'the connection carried nothing');
    } finally {
      for (const fd of [far, listener.fd]) if (fd !== undefined) closeSync(fd);
    }
  });
});
