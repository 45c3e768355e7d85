import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { GuestRam } from '../ram/guest-ram.js';
import { RamMap } from '../ram/ram-map.js';
import {
  decodeHeader,
  encodeMessage,
  landedBody,
  streamHeaderBytes,
  tokenBytes,
} from '../stream/protocol.js';
import { streamThreads, type StreamThreads } from '../stream/thread-pool.js';
import { OutgoingSession } from './outgoing-session.js';

const ramBytes = 2 ** 20;

/** A destination that admits every stream and, in one packet, acknowledges its END and closes. */
function admitAndCloseAtEnd(socket: Socket): void {
  let received = Buffer.alloc(0);
  socket.on('error', () => undefined);
  socket.on('data', (bytes) => {
    received = Buffer.concat([received, bytes]);
    while (received.length >= streamHeaderBytes) {
      const { type, sequence, bodyBytes, contentBytes } = decodeHeader(
        received.subarray(0, streamHeaderBytes),
      );
      const length = streamHeaderBytes + bodyBytes + contentBytes;
      if (received.length < length) return;
      received = received.subarray(length);
      if (type === 'hello') socket.write(encodeMessage('welcome', sequence));
      else if (type === 'end') socket.end(encodeMessage('landed', sequence, landedBody(0)));
      else socket.write(encodeMessage('landed', sequence, landedBody(contentBytes)));
    }
  });
}

describe("a source's stream", () => {
  let folder = '';
  let threads: StreamThreads | undefined;
  let server: Server | undefined;

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'portkey-stream-'));
    threads = streamThreads();
    server = createServer(admitAndCloseAtEnd);
  });

  afterEach(async () => {
    server?.close();
    await threads?.senders.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('has ended well when the destination closes right after it acknowledged the end', async () => {
    assert.ok(server && threads);
    const listening = server;
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    const { port } = listening.address() as AddressInfo;
    const file = path.join(folder, 'ram');
    writeFileSync(file, '');
    truncateSync(file, ramBytes);
    const ram = GuestRam.open(
      'vm-a',
      file,
      new RamMap([{ guestAddress: 0, byteLength: ramBytes, fileOffset: 0 }]),
    );
    for (let time = 0; time < 20; time += 1) {
      const session: OutgoingSession = new OutgoingSession({
        vm: 'vm-a',
        migrationId: `m-${time}`,
        ram,
        peer: { address: '127.0.0.1', port },
        token: Buffer.alloc(tokenBytes),
        bytesPerSecond: 0,
        threads: threads.senders,
      });
      await session.connected();
      session.openObject('memory/pages-1.img');
      assert.deepEqual(await session.sendImages(folder, 'none'), { files: 0, bytes: 0 });
      await session.close();
    }
    ram.release();
  });
});
