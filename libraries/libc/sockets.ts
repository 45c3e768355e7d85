/**
 * Blocking TCP sockets (IPv4) as plain file descriptors, for worker threads that do nothing else.
 *
 * Goal: a thread that sends or receives page data sleeps in the kernel, with no event loop and no copy in between.
 * Another thread ends its wait by `shutdownSocket`; the descriptor itself stays open until that thread is gone,
 * so that its number cannot mean another file meanwhile: whoever opened it closes it, last.
 *
 * Every wait is bounded: connect and accept by a timeout, an established connection by the kernel (keepalive and
 * TCP_USER_TIMEOUT notice a dead peer within half a minute). SIGPIPE is ignored by Node, so a write to a closed
 * connection is EPIPE.
 */
import { closeSync } from 'node:fs';
import { isIPv4 } from 'node:net';

import { PortkeyError } from '../errors/index.js';
import { SOCK_CLOEXEC, socket } from './descriptor-calls.js';
import { errorCodeOf, interrupted, libc, libcError, wouldWait } from './library.js';

type WithAddress = (fd: number, address: Buffer, length: number) => number;
const socketpair = libc.func('int socketpair(int domain, int type, int protocol, void *fds)') as (
  domain: number,
  type: number,
  protocol: number,
  fds: Buffer,
) => number;
const connect = libc.func('int connect(int fd, void *address, uint32_t length)') as WithAddress;
const bind = libc.func('int bind(int fd, void *address, uint32_t length)') as WithAddress;
const listen = libc.func('int listen(int fd, int backlog)') as (fd: number, backlog: number) => number;
const accept4 = libc.func('int accept4(int fd, void *address, void *length, int flags)') as (
  fd: number,
  address: null,
  length: null,
  flags: number,
) => number;
const getsockname = libc.func('int getsockname(int fd, void *address, void *length)') as (
  fd: number,
  address: Buffer,
  length: Buffer,
) => number;
const setsockopt = libc.func(
  'int setsockopt(int fd, int level, int option, void *value, uint32_t length)',
) as (fd: number, level: number, option: number, value: Buffer, length: number) => number;
const shutdown = libc.func('int shutdown(int fd, int how)') as (fd: number, how: number) => number;
const recv = libc.func('int64_t recv(int fd, void *buffer, size_t length, int flags)') as (
  fd: number,
  buffer: Buffer | bigint,
  length: number,
  flags: number,
) => number;

const fcntl = libc.func('int fcntl(int fd, int command, long argument)') as (
  fd: number,
  command: number,
  argument: number,
) => number;

const AF_UNIX = 1;
const AF_INET = 2;
const SOCK_STREAM = 1;
const IPPROTO_TCP = 6;
const SOL_SOCKET = 1;
const SO_KEEPALIVE = 9;
const SO_SNDTIMEO = 21;
const SO_RCVTIMEO = 20;
const TCP_NODELAY = 1;
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;
const TCP_USER_TIMEOUT = 18;
const MSG_DONTWAIT = 0x40;
const MSG_WAITALL = 0x100;
const SHUT_WR = 1;
const SHUT_RDWR = 2;
const F_SETFL = 4;
const O_NONBLOCK = 0x800;
const deadPeerMs = 30_000;
const backlog = 8;

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export function openTcpSocket(): number {
  const fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw libcError('socket', 'a TCP connection');
  return fd;
}

/** Two sockets of this process that are connected to each other. The caller closes both. */
export function openSocketPair(): [number, number] {
  const fds = Buffer.alloc(8);
  // SAFETY: the kernel writes two descriptors of 4 bytes.
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) !== 0)
    throw libcError('socketpair', 'a stream');
  return [fds.readInt32LE(0), fds.readInt32LE(4)];
}

/** Blocks. Throws `stream-broken` where the peer refuses or does not answer within the time. */
export function connectTcp(fd: number, peer: Endpoint, timeoutMs: number): void {
  setTimeoutOption(fd, SO_SNDTIMEO, timeoutMs);
  const address = socketAddress(peer);
  if (connect(fd, address, address.length) !== 0) {
    const error = libcError('connect', `${peer.address}:${peer.port}`, 'stream-broken');
    // socket(7): that is how a timeout shows.
    if (errorCodeOf(error) !== 'EINPROGRESS') throw error;
    const text = `${peer.address}:${peer.port} does not answer within ${timeoutMs / 1000} s; is it reachable from here?`;
    throw new PortkeyError('stream-broken', text, { cause: error.cause });
  }
  setTimeoutOption(fd, SO_SNDTIMEO, 0);
  prepare(fd);
}

/** A socket that listens on a free port of `address`. Throws `service-unavailable`. */
export function listenTcp(address: string): { fd: number; port: number } {
  const fd = openTcpSocket();
  const wanted = socketAddress({ address, port: 0 });
  const bound = Buffer.alloc(16);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bound.length);
  if (
    bind(fd, wanted, wanted.length) !== 0 ||
    listen(fd, backlog) !== 0 ||
    // SAFETY: `length` says how many bytes `bound` has.
    getsockname(fd, bound, length) !== 0
  ) {
    const error = libcError('listen', address, 'service-unavailable');
    closeSync(fd);
    throw error;
  }
  return { fd, port: bound.readUInt16BE(2) };
}

/** Blocks until someone connects. Throws `stream-broken` after the time, or when the listener was shut down. */
export function acceptTcp(fd: number, timeoutMs: number): number {
  setTimeoutOption(fd, SO_RCVTIMEO, timeoutMs);
  for (;;) {
    const accepted = accept4(fd, null, null, SOCK_CLOEXEC);
    if (accepted >= 0) {
      prepare(accepted);
      return accepted;
    }
    if (!interrupted()) throw libcError('accept', 'a stream', 'stream-broken');
  }
}

/** Limits how long a receive may wait; 0 lifts the limit. */
export function setReceiveTimeout(fd: number, timeoutMs: number): void {
  setTimeoutOption(fd, SO_RCVTIMEO, timeoutMs);
}

/** Whether calls wait, as they do at first, or are EAGAIN where they would have to. A socket has no other flags of this kind. */
export function setBlocking(fd: number, blocks: boolean): void {
  if (fcntl(fd, F_SETFL, blocks ? 0 : O_NONBLOCK) !== 0) throw libcError('fcntl', 'a stream');
}

/** Ends both directions: whoever is blocked in the socket returns. One that was never connected is fine. */
export function shutdownSocket(fd: number): void {
  shutdown(fd, SHUT_RDWR);
}

/** Nothing more comes from this side: the other one reads what was sent before, and then the end. It may still send. */
export function endSending(fd: number): void {
  shutdown(fd, SHUT_WR);
}

/**
 * Blocks until the first `byteLength` bytes of `buffer` are filled. Returns false where the peer had closed before
 * the first of them. Throws `stream-broken` where it closed in between, or on any other failure.
 */
export function receiveExactly(fd: number, buffer: Buffer, byteLength: number): boolean {
  if (byteLength > buffer.length) throw new PortkeyError('internal', 'a receive larger than its buffer');
  // SAFETY of the memory: the view ends within the buffer, which lives as long as this call.
  return receiveAll(fd, byteLength, (filled) => buffer.subarray(filled));
}

/**
 * Returns how many bytes it has put at the buffer's start: 0 where none have come, undefined where the peer has closed.
 * Never waits. Throws `stream-broken`.
 */
export function receiveAvailable(fd: number, buffer: Buffer): number | undefined {
  for (;;) {
    // SAFETY: at most as many bytes as the buffer has, which lives as long as this call.
    const received = recv(fd, buffer, buffer.length, MSG_DONTWAIT);
    if (received > 0) return received;
    if (received === 0) return undefined;
    if (wouldWait()) return 0;
    if (!interrupted()) throw libcError('recv', 'the stream', 'stream-broken');
  }
}

/** The same as `receiveExactly` into memory at `address`, so many bytes of which must be mapped for writing until this returns. */
export function receiveInto(fd: number, address: bigint, byteLength: number): boolean {
  return receiveAll(fd, byteLength, (filled) => address + BigInt(filled));
}

function receiveAll(fd: number, byteLength: number, rest: (filled: number) => Buffer | bigint): boolean {
  let filled = 0;
  while (filled < byteLength) {
    // SAFETY: both callers vouch for the memory from `rest` on.
    const received = recv(fd, rest(filled), byteLength - filled, MSG_WAITALL);
    if (received > 0) filled += received;
    else if (received === 0 && filled === 0) return false;
    else if (received === 0)
      throw new PortkeyError('stream-broken', 'the stream ended in the middle of a message');
    else if (!interrupted()) throw libcError('recv', 'the stream', 'stream-broken');
  }
  return true;
}

/** Messages are whole writes already, so they leave at once; and a dead peer must not hold a thread for ever. */
function prepare(fd: number): void {
  setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  setOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  setOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, 10);
  setOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, 5);
  setOption(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
  setOption(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, deadPeerMs);
}

function setOption(fd: number, level: number, option: number, value: number): void {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  if (setsockopt(fd, level, option, bytes, bytes.length) !== 0)
    throw libcError('setsockopt', `option ${option}`);
}

/** struct timeval: seconds and microseconds, 8 bytes each. */
function setTimeoutOption(fd: number, option: number, timeoutMs: number): void {
  const bytes = Buffer.alloc(16);
  bytes.writeBigInt64LE(BigInt(Math.floor(timeoutMs / 1000)), 0);
  bytes.writeBigInt64LE(BigInt((timeoutMs % 1000) * 1000), 8);
  if (setsockopt(fd, SOL_SOCKET, option, bytes, bytes.length) !== 0)
    throw libcError('setsockopt', 'a timeout');
}

/** struct sockaddr_in: family, then port and address in network order. */
function socketAddress({ address, port }: Endpoint): Buffer {
  if (!isIPv4(address)) throw new PortkeyError('invalid-argument', `'${address}' is not an IPv4 address`);
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(AF_INET, 0);
  bytes.writeUInt16BE(port, 2);
  address.split('.').forEach((part, index) => bytes.writeUInt8(Number(part), 4 + index));
  return bytes;
}
