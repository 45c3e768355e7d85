/**
 * OpenSSL 3, as Debian's libssl3 has it: the calls that a TLS connection on a blocking socket takes.
 *
 * Node has an OpenSSL of its own and exports its functions, and the dynamic linker would bind libssl's calls of libcrypto to
 * those: two builds of a library on the same structures. So both are loaded with RTLD_DEEPBIND (`deep`), which has a library
 * look into what it was linked with first. Objects of Node's OpenSSL never meet ours, and errors have queues of their own.
 *
 * Opened where it is wanted and not with this module: a service without TLS needs none. Nothing is freed at the process's
 * end, when other threads may be in it still (OPENSSL_INIT_NO_ATEXIT). Pointers are bigint, null where there is none.
 */
import koffi, { type LibraryHandle } from 'koffi';

import { PortkeyError } from '../errors/index.js';

/** A C function's arguments and its result. */
type Call<Arguments extends unknown[], Result> = (...values: Arguments) => Result;
export type Pointer = bigint | null;

const OPENSSL_INIT_NO_ATEXIT = 0x80000;

export type OpenSsl = ReturnType<typeof openSsl>;

/** Throws `missing-program`. */
export function openSsl() {
  const crypto = load('libcrypto.so.3');
  const ssl = load('libssl.so.3');
  const initialize = crypto.func('int OPENSSL_init_crypto(uint64_t options, void *settings)') as Call<
    [options: number, settings: null],
    number
  >;
  // Of the first call in a process only.
  initialize(OPENSSL_INIT_NO_ATEXIT, null);
  return {
    bioNew: crypto.func('void *BIO_new(void *type)') as Call<[type: Pointer], Pointer>,
    bioInMemory: crypto.func('void *BIO_s_mem()') as Call<[], Pointer>,
    bioWithBuffer: crypto.func('void *BIO_f_buffer()') as Call<[], Pointer>,
    bioNewSocket: crypto.func('void *BIO_new_socket(int fd, int close)') as Call<
      [fd: number, close: number],
      Pointer
    >,
    bioPush: crypto.func('void *BIO_push(void *bio, void *next)') as Call<
      [bio: Pointer, next: Pointer],
      Pointer
    >,
    bioWrite: crypto.func('int BIO_write(void *bio, void *bytes, int length)') as Call<
      [bio: Pointer, bytes: Uint8Array, length: number],
      number
    >,
    bioControl: crypto.func('long BIO_ctrl(void *bio, int command, long number, void *none)') as Call<
      [bio: Pointer, command: number, number: number, none: null],
      number
    >,
    bioControlNumber: crypto.func(
      'long BIO_int_ctrl(void *bio, int command, long number, int value)',
    ) as Call<[bio: Pointer, command: number, number: number, value: number], number>,
    bioFree: crypto.func('int BIO_free(void *bio)') as Call<[bio: Pointer], number>,
    certificateRead: crypto.func(
      'void *PEM_read_bio_X509(void *bio, void *into, void *ask, void *passphrase)',
    ) as Call<[bio: Pointer, into: null, ask: null, passphrase: Buffer], Pointer>,
    certificateEncode: crypto.func('int i2d_X509(void *certificate, void *out)') as Call<
      [certificate: Pointer, out: Buffer | null],
      number
    >,
    certificateFree: crypto.func('void X509_free(void *certificate)') as Call<[certificate: Pointer], void>,
    keyRead: crypto.func(
      'void *PEM_read_bio_PrivateKey(void *bio, void *into, void *ask, void *passphrase)',
    ) as Call<[bio: Pointer, into: null, ask: null, passphrase: Buffer], Pointer>,
    keyFree: crypto.func('void EVP_PKEY_free(void *key)') as Call<[key: Pointer], void>,
    storeAdd: crypto.func('int X509_STORE_add_cert(void *store, void *certificate)') as Call<
      [store: Pointer, certificate: Pointer],
      number
    >,
    verifyReason: crypto.func('const char *X509_verify_cert_error_string(long result)') as Call<
      [result: number],
      string
    >,
    errorFirst: crypto.func('unsigned long ERR_get_error()') as Call<[], number>,
    errorReason: crypto.func('const char *ERR_reason_error_string(unsigned long error)') as Call<
      [error: number],
      string | null
    >,
    errorsClear: crypto.func('void ERR_clear_error()') as Call<[], void>,
    tlsMethod: ssl.func('void *TLS_method()') as Call<[], Pointer>,
    contextNew: ssl.func('void *SSL_CTX_new(void *method)') as Call<[method: Pointer], Pointer>,
    contextControl: ssl.func(
      'long SSL_CTX_ctrl(void *context, int command, long number, void *none)',
    ) as Call<[context: Pointer, command: number, number: number, none: null], number>,
    contextSetOptions: ssl.func('uint64_t SSL_CTX_set_options(void *context, uint64_t options)') as Call<
      [context: Pointer, options: number],
      number
    >,
    contextSetCipherSuites: ssl.func(
      'int SSL_CTX_set_ciphersuites(void *context, const char *suites)',
    ) as Call<[context: Pointer, suites: string], number>,
    contextSetTickets: ssl.func('int SSL_CTX_set_num_tickets(void *context, size_t count)') as Call<
      [context: Pointer, count: number],
      number
    >,
    contextSetReadBuffer: ssl.func(
      'void SSL_CTX_set_default_read_buffer_len(void *context, size_t length)',
    ) as Call<[context: Pointer, length: number], void>,
    contextSetVerify: ssl.func('void SSL_CTX_set_verify(void *context, int mode, void *ask)') as Call<
      [context: Pointer, mode: number, ask: null],
      void
    >,
    contextUseCertificate: ssl.func('int SSL_CTX_use_certificate(void *context, void *certificate)') as Call<
      [context: Pointer, certificate: Pointer],
      number
    >,
    contextUseKey: ssl.func('int SSL_CTX_use_PrivateKey(void *context, void *key)') as Call<
      [context: Pointer, key: Pointer],
      number
    >,
    contextStore: ssl.func('void *SSL_CTX_get_cert_store(void *context)') as Call<
      [context: Pointer],
      Pointer
    >,
    contextFree: ssl.func('void SSL_CTX_free(void *context)') as Call<[context: Pointer], void>,
    sessionNew: ssl.func('void *SSL_new(void *context)') as Call<[context: Pointer], Pointer>,
    sessionSetBio: ssl.func('void SSL_set_bio(void *ssl, void *read, void *write)') as Call<
      [ssl: Pointer, read: Pointer, write: Pointer],
      void
    >,
    sessionConnects: ssl.func('void SSL_set_connect_state(void *ssl)') as Call<[ssl: Pointer], void>,
    sessionAccepts: ssl.func('void SSL_set_accept_state(void *ssl)') as Call<[ssl: Pointer], void>,
    sessionHandshake: ssl.func('int SSL_do_handshake(void *ssl)') as Call<[ssl: Pointer], number>,
    sessionRead: ssl.func('int SSL_read(void *ssl, void *bytes, int length)') as Call<
      [ssl: Pointer, bytes: Buffer, length: number],
      number
    >,
    sessionWrite: ssl.func('int SSL_write(void *ssl, void *bytes, int length)') as Call<
      [ssl: Pointer, bytes: Buffer | bigint, length: number],
      number
    >,
    sessionHasPending: ssl.func('int SSL_has_pending(void *ssl)') as Call<[ssl: Pointer], number>,
    sessionError: ssl.func('int SSL_get_error(void *ssl, int returned)') as Call<
      [ssl: Pointer, returned: number],
      number
    >,
    sessionWriteBio: ssl.func('void *SSL_get_wbio(void *ssl)') as Call<[ssl: Pointer], Pointer>,
    sessionPeer: ssl.func('void *SSL_get1_peer_certificate(void *ssl)') as Call<[ssl: Pointer], Pointer>,
    sessionVerifyResult: ssl.func('long SSL_get_verify_result(void *ssl)') as Call<[ssl: Pointer], number>,
    sessionFree: ssl.func('void SSL_free(void *ssl)') as Call<[ssl: Pointer], void>,
  };
}

function load(name: string): LibraryHandle {
  try {
    return koffi.load(name, { deep: true });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PortkeyError(
      'missing-program',
      `cannot load ${name}, which TLS needs here: ${reason}; install OpenSSL 3 (on Debian: openssl)`,
      { cause },
    );
  }
}
