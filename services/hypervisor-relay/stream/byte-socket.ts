/**
 * A stream's connection as a thread has it: bytes in and out, as they are (plain-socket.ts) or by TLS (tls-socket.ts).
 *
 * What holds for both: a send returns when everything is in the network's hands; a receive waits for all that was asked
 * for; whoever shuts the descriptor down ends either, and what a thread waits for. The descriptor is the caller's.
 */
import type { IoVector } from '../../../libraries/libc/index.js';
import type { ReleasedSession, TlsIdentity } from '../../../libraries/openssl/index.js';

export interface ByteSocket {
  readonly fd: number;
  /** Blocks until all of it is sent, then clears it. Throws `stream-broken`. */
  send(vector: IoVector): void;
  /** A file's bytes. Throws `stream-broken`, also where the file has become shorter. */
  sendFile(fileFd: number, start: number, byteLength: number): void;
  /** Blocks until the first bytes of `buffer` are filled; false where the stream ended before. Throws `stream-broken`. */
  receive(buffer: Buffer, byteLength: number): boolean;
  /** Returns how many bytes have come and are at the buffer's start now; undefined at the end. Never waits, before `setReceiveTimeout`. */
  take(buffer: Buffer): number | undefined;
  /** As libc's: whether something has come, or the stream's end. */
  waitReadable(wakeUpFd: number, timeoutMs: number): boolean;
  /** Receives wait for so long from here on; 0: without a limit. */
  setReceiveTimeout(timeoutMs: number): void;
  /** Gives it up, for another thread to take it over. */
  handOver(): HandedSocket;
  /** Frees what it has besides the descriptor. Idempotent. */
  free(): void;
}

/** A socket on its way from one thread to another. */
export interface HandedSocket {
  readonly fd: number;
  readonly session: ReleasedSession | undefined;
}

/** Makes a thread's sockets. `close` frees what they have in common; they go on without. */
export interface ByteSockets {
  /** On a connection that was made from here, when the other side is known to be that host's relay. Throws `stream-broken`. */
  connected(fd: number, host: string, timeoutMs: number): ByteSocket;
  /** On a connection that has come; `take` finds out whether it is from that host's relay. */
  accepted(fd: number, host: string): ByteSocket;
  takeOver(socket: HandedSocket): ByteSocket;
  close(): void;
}

/** This relay's certificate, with its CA; or connections are as they are. */
export type StreamSecurity = TlsIdentity | 'insecure';
