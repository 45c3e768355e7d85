/**
 * For tests: the other end of a TLS connection, in a thread that blocks in it. It connects, sends its pages back and forth as
 * it is told, and says how it ended.
 */
import { closeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

import { asPortkeyError } from '../../errors/index.js';
import { connectTcp, openTcpSocket } from '../../libc/index.js';
import { TlsContext, type TlsIdentity } from '../index.js';

export interface PeerTask {
  readonly identity: TlsIdentity;
  readonly port: number;
  /** Sends so many bytes over and over, or receives and sends back what it gets until the end. */
  readonly does: 'send without end' | 'echo';
}

const { identity, port, does } = workerData as PeerTask;
const context = TlsContext.open(identity);
const fd = openTcpSocket();
const session = context.session(fd, 'connects', 'the test');
context.close();
const buffer = Buffer.from(new ArrayBuffer(64 * 1024));
try {
  connectTcp(fd, { address: '127.0.0.1', port }, 5_000);
  session.handshake();
  parentPort?.postMessage({ fd, names: session.peerNames() });
  for (;;) {
    const count = does === 'echo' ? session.read(buffer) : buffer.length;
    if (count === undefined) break;
    session.write(buffer, count);
    session.flush();
  }
  parentPort?.postMessage({ ended: 'in order' });
} catch (error) {
  parentPort?.postMessage({ ended: asPortkeyError(error).message });
} finally {
  session.free();
  closeSync(fd);
}
