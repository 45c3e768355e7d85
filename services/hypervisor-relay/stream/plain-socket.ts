/** A connection without TLS: what libc does. */
import {
  receiveAvailable,
  receiveExactly,
  sendFile,
  setReceiveTimeout,
  waitReadable,
  type IoVector,
} from '../../../libraries/libc/index.js';
import type { ByteSocket, ByteSockets, HandedSocket } from './byte-socket.js';

export class PlainSocket implements ByteSocket {
  constructor(readonly fd: number) {}

  send(vector: IoVector): void {
    vector.sendAll(this.fd);
  }

  sendFile(fileFd: number, start: number, byteLength: number): void {
    sendFile(this.fd, fileFd, start, byteLength);
  }

  receive(buffer: Buffer, byteLength: number): boolean {
    return receiveExactly(this.fd, buffer, byteLength);
  }

  take(buffer: Buffer): number | undefined {
    return receiveAvailable(this.fd, buffer);
  }

  waitReadable(wakeUpFd: number, timeoutMs: number): boolean {
    return waitReadable(this.fd, wakeUpFd, timeoutMs);
  }

  setReceiveTimeout(timeoutMs: number): void {
    setReceiveTimeout(this.fd, timeoutMs);
  }

  handOver(): HandedSocket {
    return { fd: this.fd, session: undefined };
  }

  free(): void {
    // It has nothing but the descriptor.
  }
}

export class PlainSockets implements ByteSockets {
  connected(fd: number): ByteSocket {
    return new PlainSocket(fd);
  }

  accepted(fd: number): ByteSocket {
    return new PlainSocket(fd);
  }

  takeOver({ fd }: HandedSocket): ByteSocket {
    return new PlainSocket(fd);
  }

  close(): void {
    // Nothing is common to them.
  }
}
