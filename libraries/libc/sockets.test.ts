import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  acceptTcp,
  anonymousMemory,
  anonymousPage,
  connectTcp,
  IoVector,
  listenTcp,
  maxPieces,
  openMemoryFile,
  openSocketPair,
  openTcpSocket,
  receiveAvailable,
  receiveExactly,
  receiveInto,
  sendFile,
  setBlocking,
  setReceiveTimeout,
  shutdownSocket,
  WakeUp,
  waitReadable,
} from './index.js';

const address = '127.0.0.1';

/** Two ends of one connection; the kernel completes it before the accept, so one thread can hold both. */
function connected(): { near: number; far: number; close: () => void } {
  const listener = listenTcp(address);
  const near = openTcpSocket();
  connectTcp(near, { address, port: listener.port }, 1000);
  const far = acceptTcp(listener.fd, 1000);
  return { near, far, close: () => [near, far, listener.fd].forEach((fd) => closeSync(fd)) };
}

describe('blocking sockets', () => {
  it('carry an I/O vector of buffers and of mapped memory', () => {
    const { near, far, close } = connected();
    const page = anonymousPage();
    try {
      page.write(Buffer.from('mapped'));
      const vector = new IoVector();
      vector.addBuffer(Buffer.from(new TextEncoder().encode('header ').buffer));
      vector.add(Number(page.address), 6);
      assert.equal(vector.byteLength, 13);
      vector.sendAll(near);
      assert.equal(vector.pieces, 0);
      const received = Buffer.alloc(13);
      assert.ok(receiveExactly(far, received, 13));
      assert.equal(received.toString(), 'header mapped');
    } finally {
      page.close();
      close();
    }
  });

  it('send all of a vector, wherever the kernel cuts it', () => {
    const lengths = [5, 1, 7, 3];
    const sent: number[] = [];
    const vector = new IoVector((_fd, bytes, count) => {
      const address = Number(bytes.readBigUInt64LE(0));
      const taken = Math.min(4, Number(bytes.readBigUInt64LE(8)) + (count > 1 ? 1 : 0));
      for (let at = 0; at < taken; at += 1) sent.push(address + at);
      return taken;
    });
    let address = 2 ** 40;
    for (const length of lengths) {
      vector.add(address, length);
      address += length;
    }
    vector.sendAll(-1);
    assert.deepEqual(
      sent,
      Array.from({ length: 16 }, (_, index) => 2 ** 40 + index),
    );
  });

  it('come as a pair, of which each tells when it was shut down', () => {
    const [one, other] = openSocketPair();
    try {
      assert.equal(waitReadable(one, -1, 0), false);
      shutdownSocket(one);
      assert.equal(waitReadable(one, -1, 0), true);
      assert.equal(waitReadable(other, -1, 0), true);
    } finally {
      closeSync(one);
      closeSync(other);
    }
  });

  it('give what has come without waiting, and wait again when they are told', () => {
    const { near, far, close } = connected();
    const wakeUp = new WakeUp();
    const bytes = Buffer.alloc(4);
    try {
      assert.equal(receiveAvailable(far, bytes), 0);
      const vector = new IoVector();
      vector.addBuffer(Buffer.from(new TextEncoder().encode('123456').buffer));
      vector.sendAll(near);
      assert.equal(waitReadable(far, wakeUp.fd, 1000), true);
      assert.equal(receiveAvailable(far, bytes), 4);
      assert.equal(receiveAvailable(far, bytes), 2);
      assert.equal(bytes.toString(), '5634');
      setBlocking(far, false);
      assert.throws(() => receiveExactly(far, bytes, 1), { code: 'stream-broken', message: /EAGAIN/ });
      setBlocking(far, true);
      setReceiveTimeout(far, 50);
      const startMs = performance.now();
      assert.throws(() => receiveExactly(far, bytes, 1), { message: /EAGAIN/ });
      assert.ok(performance.now() - startMs >= 40, 'it waited');
      shutdownSocket(near);
      assert.equal(receiveAvailable(far, bytes), undefined);
    } finally {
      wakeUp.close();
      close();
    }
  });

  it('take no more pieces than the kernel', () => {
    const vector = new IoVector();
    for (let piece = 0; piece < maxPieces; piece += 1) vector.add(4096, 1);
    assert.ok(vector.isFull);
    assert.throws(() => vector.add(4096, 1), /at most 1024/);
    const pieces: number[] = [];
    vector.forEach((address, byteLength) => pieces.push(address * byteLength));
    assert.deepEqual(pieces, Array(maxPieces).fill(4096));
  });

  it('report memory that is not there as an error', () => {
    const { near, close } = connected();
    try {
      const vector = new IoVector();
      vector.add(4096, 100);
      assert.throws(() => vector.sendAll(near), { code: 'stream-broken', message: /EFAULT/ });
    } finally {
      close();
    }
  });

  it('send a file, and notice one that is too short', () => {
    const { near, far, close } = connected();
    const folder = mkdtempSync(join(tmpdir(), 'portkey-libc-'));
    const path = join(folder, 'image');
    writeFileSync(path, '0123456789');
    const fd = openSync(path, 'r');
    try {
      sendFile(near, fd, 2, 5);
      const received = Buffer.alloc(5);
      receiveExactly(far, received, 5);
      assert.equal(received.toString(), '23456');
      assert.throws(() => sendFile(near, fd, 8, 5), { code: 'stream-broken', message: /shorter/ });
    } finally {
      closeSync(fd);
      rmSync(folder, { recursive: true });
      close();
    }
  });

  it('receive into memory, and from there into a file and back', () => {
    const { near, far, close } = connected();
    const [memory, other] = [anonymousMemory(8192, 'a test'), anonymousMemory(8192, 'a test')];
    const fd = openMemoryFile('a test');
    const bytes = Buffer.alloc(8192);
    for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE(at, at);
    const transport = new IoVector();
    try {
      transport.addBuffer(bytes);
      transport.sendAll(near);
      assert.ok(receiveInto(far, memory.address, bytes.length));
      transport.add(Number(memory.address), bytes.length);
      transport.writeAt(fd, 4096);
      transport.add(Number(other.address), 100);
      transport.add(Number(other.address) + 100, bytes.length - 100);
      transport.readAt(fd, 4096);
      transport.add(Number(other.address), bytes.length);
      transport.sendAll(far);
      const received = Buffer.alloc(bytes.length);
      assert.ok(receiveExactly(near, received, bytes.length));
      assert.ok(received.equals(bytes));
      transport.add(Number(other.address), 4097);
      assert.throws(() => transport.readAt(fd, 8192), /shorter/);
    } finally {
      transport.clear();
      closeSync(fd);
      for (const mapping of [memory, other]) mapping.close();
      close();
    }
  });

  it('tell an orderly end from one in the middle of a message', () => {
    const { near, far, close } = connected();
    try {
      const vector = new IoVector();
      vector.addBuffer(Buffer.alloc(100, 'a'));
      vector.sendAll(near);
      shutdownSocket(near);
      assert.throws(() => receiveExactly(far, Buffer.alloc(200), 200), { message: /in the middle/ });
      assert.equal(receiveExactly(far, Buffer.alloc(1), 1), false);
    } finally {
      close();
    }
  });

  it('do not wait for ever: accept, connect and a shut down listener', () => {
    const listener = listenTcp(address);
    const fd = openTcpSocket();
    try {
      assert.throws(() => acceptTcp(listener.fd, 20), { code: 'stream-broken', message: /EAGAIN/ });
      shutdownSocket(listener.fd);
      assert.throws(() => acceptTcp(listener.fd, 60_000), { code: 'stream-broken', message: /EINVAL/ });
      assert.throws(() => connectTcp(fd, { address, port: listener.port }, 1000), {
        message: /ECONNREFUSED/,
      });
      assert.throws(() => connectTcp(fd, { address: 'localhost', port: 1 }, 1000), {
        code: 'invalid-argument',
      });
    } finally {
      closeSync(fd);
      closeSync(listener.fd);
    }
  });

  it('say that a peer does not answer', () => {
    const listener = listenTcp(address);
    const fds: number[] = [];
    const connectOne = (): void => {
      const fd = openTcpSocket();
      fds.push(fd);
      connectTcp(fd, { address, port: listener.port }, 100);
    };
    try {
      // Nobody accepts: once its queue is full, the listener drops what comes.
      assert.throws(() => Array.from({ length: 50 }, connectOne), {
        code: 'stream-broken',
        message: `${address}:${listener.port} does not answer within 0.1 s; is it reachable from here?`,
      });
    } finally {
      [...fds, listener.fd].forEach((fd) => closeSync(fd));
    }
  });

  it('are waited for together with a wake-up and a time', () => {
    const { near, far, close } = connected();
    const wakeUp = new WakeUp();
    try {
      assert.equal(waitReadable(far, wakeUp.fd, 5), false);
      wakeUp.wake();
      wakeUp.wake();
      assert.equal(waitReadable(far, wakeUp.fd, -1), false);
      assert.equal(waitReadable(far, wakeUp.fd, 5), false);
      shutdownSocket(near);
      assert.equal(waitReadable(far, wakeUp.fd, -1), true);
    } finally {
      wakeUp.close();
      wakeUp.wake();
      close();
    }
  });
});
