/**
 * TLS on one connected socket: bytes in and out, encrypted on the way.
 *
 *     begun ──handshake──▶ open ──read, write──▶ …        (failed: every call throws)        ──free──▶ gone
 *
 * OpenSSL makes the system calls. It receives up to 256 KiB at once and hands out one record (16 KiB) a read; records that
 * it writes are gathered in a buffer as large, until that is full or they are flushed. So a call blocks where the socket
 * does, and a shutdown of the socket by another thread ends it. The socket is the caller's, before and after.
 *
 * Invariants: one thread uses a session at a time; who has it frees it, or releases it to another. After the first failure
 * nothing is read or written any more (OpenSSL sees to that).
 */
import { X509Certificate } from 'node:crypto';

import { PortkeyError } from '../errors/index.js';
import { bufferAddress, errnoName } from '../libc/index.js';
import { openSsl, type OpenSsl, type Pointer } from './library.js';
import { reasonOf } from './reason.js';

const writeBufferBytes = 256 * 1024;
const BIO_NOCLOSE = 0;
const BIO_CTRL_FLUSH = 11;
const BIO_C_SET_BUFF_SIZE = 117;
/** Of the buffer for writing, that is. */
const forWriting = 1;
const SSL_ERROR_WANT_READ = 2;
const SSL_ERROR_WANT_WRITE = 3;
const SSL_ERROR_SYSCALL = 5;
const SSL_ERROR_ZERO_RETURN = 6;
const X509_V_OK = 0;
const noErrno = 'errno 0';
const closed = 'the connection was closed';

export interface TlsPart {
  readonly fd: number;
  readonly part: 'connects' | 'accepts';
  /** How errors name the other side. */
  readonly subject: string;
}

/** A session on its way from one thread to another. */
export interface ReleasedSession {
  readonly address: bigint;
  readonly subject: string;
}

export class TlsSession {
  private constructor(
    private readonly library: OpenSsl,
    /** Null when it is gone. */
    private session: Pointer,
    private readonly subject: string,
  ) {}

  /** Takes the new session. */
  static begin(library: OpenSsl, session: bigint, { fd, part, subject }: TlsPart): TlsSession {
    const read = library.bioNewSocket(fd, BIO_NOCLOSE);
    const buffer = library.bioNew(library.bioWithBuffer());
    library.bioControlNumber(buffer, BIO_C_SET_BUFF_SIZE, writeBufferBytes, forWriting);
    const write = library.bioPush(buffer, library.bioNewSocket(fd, BIO_NOCLOSE));
    // SAFETY: the session is new, and frees all three with itself.
    library.sessionSetBio(session, read, write);
    if (part === 'connects') library.sessionConnects(session);
    else library.sessionAccepts(session);
    return new TlsSession(library, session, subject);
  }

  /** SAFETY: `release` has given it out once, and whoever had it does not use it any more. */
  static takeOver({ address, subject }: ReleasedSession): TlsSession {
    return new TlsSession(openSsl(), address, subject);
  }

  /** Whether both sides know each other; not yet, where nothing came while the socket waits. Throws `stream-broken`. */
  handshake(): boolean {
    const done = this.attempt((session) => this.library.sessionHandshake(session));
    if (done === undefined) throw this.broken(closed);
    return done > 0;
  }

  /**
   * Returns how many bytes it has put at the buffer's start: 0 where none came while the socket waits, undefined at the
   * stream's end. Throws `stream-broken`.
   */
  read(buffer: Buffer): number | undefined {
    // SAFETY: OpenSSL writes at most as many bytes as the buffer has.
    return this.attempt((session) => this.library.sessionRead(session, buffer, buffer.length));
  }

  /** Takes all of it; some may wait in the buffer for `flush`. Memory at an address must be readable. Throws `stream-broken`. */
  write(bytes: Buffer | bigint, byteLength: number): void {
    // SAFETY: the caller vouches for so many bytes, which OpenSSL has copied when it returns.
    const written = this.attempt((session) => this.library.sessionWrite(session, bytes, byteLength));
    if (written !== byteLength) throw this.broken('it takes nothing more');
  }

  /** What was written is in the network's hands then. Throws `stream-broken`. */
  flush(): void {
    const bio = this.library.sessionWriteBio(this.open);
    for (;;) {
      const flushed = this.library.bioControl(bio, BIO_CTRL_FLUSH, 0, null);
      const errno = errnoName();
      if (flushed > 0) return;
      if (errno !== 'EINTR') throw this.broken(errno);
    }
  }

  /** Whether bytes were received that have not been read: nobody needs to wait for the socket then. */
  get hasPending(): boolean {
    return this.library.sessionHasPending(this.open) === 1;
  }

  /** The alternative names in the other side's certificate, as Node writes them. After the handshake. */
  peerNames(): string | undefined {
    const { library } = this;
    const certificate = library.sessionPeer(this.open);
    if (certificate === null) return undefined;
    try {
      const der = Buffer.from(new ArrayBuffer(library.certificateEncode(certificate, null)));
      const out = Buffer.alloc(8);
      out.writeBigUInt64LE(bufferAddress(der));
      // SAFETY: `out` points to as many bytes as the certificate said that it takes, and `der` lives through the call.
      library.certificateEncode(certificate, out);
      return new X509Certificate(der).subjectAltName;
    } finally {
      library.certificateFree(certificate);
    }
  }

  /** Gives it up, for somebody to take it over. */
  release(): ReleasedSession {
    const address = this.open;
    this.session = null;
    return { address, subject: this.subject };
  }

  /** Idempotent. The socket stays open, and nothing is said to the other side. */
  free(): void {
    // SAFETY: nobody else has the pointer; null is nothing to free.
    this.library.sessionFree(this.session);
    this.session = null;
  }

  /** OpenSSL takes no null for a session. */
  private get open(): bigint {
    if (this.session === null) throw new PortkeyError('internal', 'a TLS session is gone already');
    return this.session;
  }

  /** What `call` returns where that is more than 0; 0 where the socket waits no longer, undefined at the stream's end. */
  private attempt(call: (session: bigint) => number): number | undefined {
    for (;;) {
      const returned = call(this.open);
      if (returned > 0) return returned;
      // Before any other call.
      const errno = errnoName();
      const error = this.library.sessionError(this.open, returned);
      if (error === SSL_ERROR_ZERO_RETURN) return undefined;
      if (error === SSL_ERROR_SYSCALL) throw this.broken(errno === noErrno ? closed : errno);
      if (error !== SSL_ERROR_WANT_READ && error !== SSL_ERROR_WANT_WRITE) throw this.broken(this.reason());
      if (errno !== 'EINTR') return 0;
    }
  }

  private reason(): string {
    const reason = reasonOf(this.library);
    const result = this.library.sessionVerifyResult(this.open);
    return result === X509_V_OK ? reason : `${reason}, ${this.library.verifyReason(result)}`;
  }

  private broken(reason: string): PortkeyError {
    this.library.errorsClear();
    return new PortkeyError('stream-broken', `TLS with ${this.subject} failed: ${reason}`);
  }
}
