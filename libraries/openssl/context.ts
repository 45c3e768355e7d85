/**
 * Who this process is in TLS, and whose certificates it takes: one certificate with its key, and a CA.
 *
 * TLS 1.3 only, both sides with a certificate. AES-128-GCM comes first, because processors have instructions for it. No
 * tickets and no sessions that are taken up again: every connection shows a certificate. A stream's own END tells whether
 * it is whole, so one that just ends is no error here.
 *
 * One owner closes it; connections that were begun with it go on. A thread has its own.
 */
import { PortkeyError } from '../errors/index.js';
import { openSsl, type OpenSsl, type Pointer } from './library.js';
import { reasonOf } from './reason.js';
import { TlsSession } from './session.js';

/** PEM. The key is not encrypted. */
export interface TlsIdentity {
  readonly ca: Uint8Array;
  readonly certificate: Uint8Array;
  readonly key: Uint8Array;
}

const cipherSuites = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256';
/** What one receive takes at most: as much as sixteen records. */
const readBufferBytes = 256 * 1024;
const TLS1_3_VERSION = 0x304;
const SSL_VERIFY_PEER = 1;
const SSL_VERIFY_FAIL_IF_NO_PEER_CERT = 2;
const SSL_CTRL_SET_READ_AHEAD = 41;
const SSL_CTRL_SET_SESS_CACHE_MODE = 44;
const SSL_CTRL_SET_MIN_PROTO_VERSION = 123;
const SSL_CTRL_SET_MAX_PROTO_VERSION = 124;
const SSL_SESS_CACHE_OFF = 0;
const SSL_OP_IGNORE_UNEXPECTED_EOF = 1 << 7;
const SSL_OP_NO_TICKET = 1 << 14;
/** So that an encrypted key is an error, and no question on the terminal. */
const noPassphrase = Buffer.from('\0');

export class TlsContext {
  private constructor(
    private readonly library: OpenSsl,
    private context: Pointer,
  ) {}

  /** Throws `missing-program` where OpenSSL is not there, `invalid-argument` where these are not a certificate, its key and a CA. */
  static open(identity: TlsIdentity): TlsContext {
    const library = openSsl();
    const opened = new TlsContext(library, library.contextNew(library.tlsMethod()));
    try {
      opened.configure();
      opened.identify(identity);
      return opened;
    } catch (error) {
      opened.close();
      throw error;
    }
  }

  /** TLS on a connection, which stays the caller's. `subject` is how errors name the other side. */
  session(fd: number, part: 'connects' | 'accepts', subject: string): TlsSession {
    // SAFETY: for a context that is closed, which is null, OpenSSL makes no session.
    const session = this.library.sessionNew(this.context);
    if (session === null) throw this.failure('a connection cannot be made');
    return TlsSession.begin(this.library, session, { fd, part, subject });
  }

  /** Idempotent. */
  close(): void {
    // SAFETY: nobody else has the pointer; null is nothing to free.
    this.library.contextFree(this.context);
    this.context = null;
  }

  // SAFETY, here and below: `context` is open until `close`, and strings and buffers live through each call.
  private configure(): void {
    const { library, context } = this;
    const control = (command: number, number: number): unknown =>
      library.contextControl(context, command, number, null);
    control(SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_3_VERSION);
    control(SSL_CTRL_SET_MAX_PROTO_VERSION, TLS1_3_VERSION);
    control(SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF);
    control(SSL_CTRL_SET_READ_AHEAD, 1);
    library.contextSetReadBuffer(context, readBufferBytes);
    library.contextSetTickets(context, 0);
    library.contextSetOptions(context, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_TICKET);
    library.contextSetVerify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, null);
    if (library.contextSetCipherSuites(context, cipherSuites) !== 1)
      throw this.failure('none of its ciphers is there');
  }

  private identify({ ca, certificate, key }: TlsIdentity): void {
    const { library, context } = this;
    const store = library.contextStore(context);
    const authorities = this.certificatesIn(ca, (authority) => library.storeAdd(store, authority));
    if (authorities === 0) throw this.failure('the CA is no certificate in PEM');
    // The first is this relay's own; after it would come those of its CA, which every relay has.
    const results: number[] = [];
    this.certificatesIn(certificate, (own) => {
      if (results.length === 0) results.push(library.contextUseCertificate(context, own));
    });
    if (results[0] !== 1) throw this.failure('there is no certificate in PEM that can be used');
    this.useKey(key);
  }

  private certificatesIn(pem: Uint8Array, use: (certificate: Pointer) => void): number {
    const { library } = this;
    return this.reading(pem, (bio) => {
      for (let count = 0; ; count += 1) {
        const certificate = library.certificateRead(bio, null, null, noPassphrase);
        if (certificate === null) {
          // That there are no more is an error, too, and would be taken for that of a later call.
          if (count > 0) library.errorsClear();
          return count;
        }
        use(certificate);
        library.certificateFree(certificate);
      }
    });
  }

  private useKey(pem: Uint8Array): void {
    const { library, context } = this;
    const key = this.reading(pem, (bio) => library.keyRead(bio, null, null, noPassphrase));
    if (key === null) throw this.failure('the key is none in PEM, or it is encrypted');
    const isUsed = library.contextUseKey(context, key) === 1;
    library.keyFree(key);
    if (!isUsed) throw this.failure('the key is not that of the certificate');
  }

  private reading<T>(pem: Uint8Array, read: (bio: Pointer) => T): T {
    const { library } = this;
    const bio = library.bioNew(library.bioInMemory());
    try {
      library.bioWrite(bio, pem, pem.length);
      return read(bio);
    } finally {
      library.bioFree(bio);
    }
  }

  private failure(problem: string): PortkeyError {
    const reason = reasonOf(this.library);
    return new PortkeyError(
      'invalid-argument',
      `TLS cannot be set up: ${problem} (${reason}); make certificates with: portkey certs`,
    );
  }
}
