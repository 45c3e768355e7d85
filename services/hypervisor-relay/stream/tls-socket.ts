/**
 * A connection by TLS, between the relays of two hosts that know each other by their certificates.
 *
 *     connected: handshake, which waits ──▶ proved, or `stream-broken`
 *     accepted:  handshake, as it comes ──▶ proved ──setReceiveTimeout──▶ receives wait        (nothing waits before)
 *
 * What leaves is gathered first (gathered-memory.ts), so that single pages fill whole records: a record for each costs
 * the receiver twice as much. Files are read into memory and written from there.
 *
 * Limits: kTLS is not used, because it would go past the buffer in which records are gathered.
 */
import { readSync } from 'node:fs';

import { PortkeyError } from '../../../libraries/errors/index.js';
import {
  setBlocking,
  setReceiveTimeout,
  waitReadable,
  type IoVector,
} from '../../../libraries/libc/index.js';
import { TlsContext, TlsSession, type TlsIdentity } from '../../../libraries/openssl/index.js';
// Not by its index: a worker thread starts in a third of the time without gRPC.
import { identityOf, isSame, uriOf, type Identity } from '../../../libraries/rpc/identity.js';
import type { ByteSocket, ByteSockets, HandedSocket } from './byte-socket.js';
import { GatheredMemory } from './gathered-memory.js';

/** Of a file, at a time. */
const fileChunkBytes = 256 * 1024;

class TlsSocket implements ByteSocket {
  private gathered: GatheredMemory | undefined;

  constructor(
    readonly fd: number,
    private readonly session: TlsSession,
    /** Who has yet to show that it is at the other side. */
    private unproved: Identity | undefined,
  ) {}

  /** Whether the other side has shown who it is; not yet, where nothing came in time. Throws `stream-broken`. */
  prove(): boolean {
    if (this.unproved === undefined) return true;
    if (!this.session.handshake()) return false;
    const found = identityOf(this.session.peerNames());
    if (found === undefined || !isSame(found, this.unproved)) {
      const text = found === undefined ? 'has no identity of Portkey’s' : `is that of ${uriOf(found)}`;
      throw new PortkeyError(
        'stream-broken',
        `the certificate at the other end of the stream ${text}, where ${uriOf(this.unproved)} was expected`,
      );
    }
    this.unproved = undefined;
    return true;
  }

  send(vector: IoVector): void {
    this.gathered ??= new GatheredMemory();
    // SAFETY of the memory: it is this socket's until `free`.
    this.gathered.take(vector, (address, byteLength) => this.session.write(address, byteLength));
    this.session.flush();
  }

  sendFile(fileFd: number, start: number, byteLength: number): void {
    const chunk = Buffer.allocUnsafe(Math.min(fileChunkBytes, byteLength));
    for (let sent = 0; sent < byteLength;) {
      const count = readSync(fileFd, chunk, 0, Math.min(chunk.length, byteLength - sent), start + sent);
      if (count === 0) throw new PortkeyError('stream-broken', 'a file became shorter while it was sent');
      this.session.write(chunk, count);
      sent += count;
    }
    this.session.flush();
  }

  receive(buffer: Buffer, byteLength: number): boolean {
    for (let filled = 0; filled < byteLength;) {
      const count = this.session.read(buffer.subarray(filled, byteLength));
      if (count === 0) throw new PortkeyError('stream-broken', 'nothing came on the stream in time');
      if (count === undefined && filled === 0) return false;
      if (count === undefined)
        throw new PortkeyError('stream-broken', 'the stream ended in the middle of a message');
      filled += count;
    }
    return true;
  }

  take(buffer: Buffer): number | undefined {
    return this.prove() ? this.session.read(buffer) : 0;
  }

  waitReadable(wakeUpFd: number, timeoutMs: number): boolean {
    return this.session.hasPending || waitReadable(this.fd, wakeUpFd, timeoutMs);
  }

  setReceiveTimeout(timeoutMs: number): void {
    setBlocking(this.fd, true);
    setReceiveTimeout(this.fd, timeoutMs);
  }

  handOver(): HandedSocket {
    this.gathered?.close();
    this.gathered = undefined;
    return { fd: this.fd, session: this.session.release() };
  }

  free(): void {
    this.gathered?.close();
    this.gathered = undefined;
    this.session.free();
  }
}

export class TlsSockets implements ByteSockets {
  private context: TlsContext | undefined;

  constructor(private readonly own: TlsIdentity) {}

  connected(fd: number, host: string, timeoutMs: number): ByteSocket {
    const session = this.opened().session(fd, 'connects', `the relay of ${host}`);
    const socket = new TlsSocket(fd, session, relayOf(host));
    try {
      socket.setReceiveTimeout(timeoutMs);
      if (socket.prove()) return socket;
      throw new PortkeyError(
        'stream-broken',
        `the relay of ${host} did not end the TLS handshake within ${timeoutMs / 1000} s`,
      );
    } catch (error) {
      socket.free();
      throw error;
    }
  }

  accepted(fd: number, host: string): ByteSocket {
    setBlocking(fd, false);
    const session = this.opened().session(fd, 'accepts', 'whoever came to the landing');
    return new TlsSocket(fd, session, relayOf(host));
  }

  takeOver({ fd, session }: HandedSocket): ByteSocket {
    if (session === undefined) throw new PortkeyError('internal', 'a stream was handed over without its TLS');
    return new TlsSocket(fd, TlsSession.takeOver(session), undefined);
  }

  close(): void {
    this.context?.close();
    this.context = undefined;
  }

  private opened(): TlsContext {
    return (this.context ??= TlsContext.open(this.own));
  }
}

function relayOf(host: string): Identity {
  return { role: 'relay', name: host };
}
