import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { FolderPlace } from '../../../libraries/libc/index.js';
import { GuestRam } from '../ram/guest-ram.js';
import { RamMap } from '../ram/ram-map.js';
import { landedBody, refusedBody, tokenBytes } from '../stream/bodies.js';
import { decodeHeader, encodeMessage, streamHeaderBytes } from '../stream/protocol.js';
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

/** A destination whose disk is full when the first file comes. */
function admitAndRefuseFiles(socket: Socket): void {
  socket.on('error', () => undefined);
  socket.once('data', () => {
    socket.write(encodeMessage('welcome', 0));
    socket.once('data', () => {
      socket.pause();
      const refused = encodeMessage('refused', 0, refusedBody('no-room', 'the landing folder is full'));
      socket.write(refused, () => socket.resetAndDestroy());
    });
  });
}

/** A destination of two streams that says by one what is wrong and cuts the other, when the first END comes. */
function admitTwoAndRefuseByOne(): (socket: Socket) => void {
  const sockets: Socket[] = [];
  const refused = encodeMessage('refused', 0, refusedBody('no-room', 'the landing folder is full'));
  return (socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write(encodeMessage('welcome', 0));
      socket.once('data', () => {
        const other = sockets.find((one) => one !== socket);
        other?.write(refused, () => socket.resetAndDestroy());
      });
    });
  };
}

function placeOf(folder: string): FolderPlace {
  return { root: path.dirname(folder), name: path.basename(folder) };
}

describe("a source's stream", () => {
  let folder = '';
  let threads: StreamThreads | undefined;
  let server: Server | undefined;

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'portkey-stream-'));
    threads = streamThreads();
  });

  afterEach(async () => {
    server?.close();
    await threads?.senders.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Sessions to a destination that behaves like this, one after the other, each closed at its end. */
  async function stream(
    destination: (socket: Socket) => void,
    times: number,
    work: (session: OutgoingSession) => Promise<void>,
    streamCount = 1,
  ): Promise<void> {
    assert.ok(threads);
    const listening = (server = createServer(destination));
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    const { port } = listening.address() as AddressInfo;
    const file = path.join(folder, 'ram');
    writeFileSync(file, '');
    truncateSync(file, ramBytes);
    const map = new RamMap([{ guestAddress: 0, byteLength: ramBytes, fileOffset: 0 }]);
    const ram = GuestRam.open('vm-a', file, map);
    for (let time = 0; time < times; time += 1) {
      const session: OutgoingSession = new OutgoingSession({
        vm: 'vm-a',
        migrationId: `m-${time}`,
        ram,
        target: {
          peer: { address: '127.0.0.1', port },
          host: 'host-b',
          security: 'insecure',
          token: Buffer.alloc(tokenBytes),
          streamCount,
        },
        bytesPerSecond: 0,
        threads: threads.senders,
      });
      try {
        await session.connected();
        await work(session);
      } finally {
        await session.close();
      }
    }
    ram.release();
  }

  it('has ended well when the destination closes right after it acknowledged the end', () =>
    stream(admitAndCloseAtEnd, 20, async (session) => {
      session.openObject('memory/pages-1.img');
      assert.deepEqual(await session.sendImages(placeOf(folder), 'none'), { files: 0, bytes: 0 });
    }));

  it('says why the destination refused it in the middle of a file', async () => {
    mkdirSync(path.join(folder, 'final'));
    const file = path.join(folder, 'final/tmpfs.img');
    writeFileSync(file, '');
    truncateSync(file, 256 * 2 ** 20);
    await stream(admitAndRefuseFiles, 5, (session) =>
      assert.rejects(session.sendImages(placeOf(folder), 'final'), { code: 'no-room', message: /is full/ }),
    );
  });

  it('of two tells the reason that came by one, not the end of the other', async () => {
    for (let time = 0; time < 10; time += 1) {
      const work = (session: OutgoingSession): Promise<void> =>
        assert.rejects(session.sendImages(placeOf(folder), 'none'), { code: 'no-room', message: /is full/ });
      await stream(admitTwoAndRefuseByOne(), 1, work, 2);
      server?.close();
    }
  });
});
