/**
 * How connections are secured: mutual TLS with certificates that say who speaks (identity.ts), or, where somebody has asked
 * for it, not at all.
 *
 * A client checks that it has reached the one it meant, by role and name; a server checks each call against access.ts. Both
 * check that the other's certificate is of their own CA. TLS is of version 1.3. Files are read once, when a service starts.
 * Limits: a certificate that is to be replaced needs a restart; there are no revocation lists, a short life of certificates
 * takes their place.
 */
import { readFileSync } from 'node:fs';
import tls, { type PeerCertificate } from 'node:tls';

import { ChannelCredentials, credentials, ServerCredentials } from '@grpc/grpc-js';

import { PortkeyError } from '../errors/index.js';
import { identityOf, isSame, uriOf, type Identity } from './identity.js';

/** PEM files. */
export interface TlsFiles {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

export interface Tls {
  readonly ca: Buffer;
  readonly certificate: Buffer;
  readonly key: Buffer;
}

export type Security = Tls | 'insecure';

/** Throws `invalid-argument`, naming the file. */
export function readSecurity(files: TlsFiles | 'insecure'): Security {
  if (files === 'insecure') return 'insecure';
  const read = (file: string): Buffer => {
    try {
      return readFileSync(file);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new PortkeyError(
        'invalid-argument',
        `cannot read ${file}: ${reason}; make it with: portkey certs`,
        {
          cause,
        },
      );
    }
  };
  return { ca: read(files.ca), certificate: read(files.certificate), key: read(files.key) };
}

/**
 * Channel options of every client. TLS has a field for the name that is meant, which no address may be in (RFC 6066), and Node
 * warns of one; who is meant is checked by identity, so it says nothing.
 */
export const clientTlsOptions = { 'grpc.ssl_target_name_override': 'portkey' } as const;

export function clientCredentials(security: Security, expected: Identity): ChannelCredentials {
  if (security === 'insecure') return credentials.createInsecure();
  requireVersion13();
  const { ca, key, certificate } = security;
  return credentials.createSsl(ca, key, certificate, {
    checkServerIdentity: (_host: string, peer: PeerCertificate) => {
      const found = identityOf(peer.subjectaltname);
      if (found !== undefined && isSame(found, expected)) return undefined;
      const text = found === undefined ? 'no identity of Portkey’s' : uriOf(found);
      return new Error(`its certificate has ${text}, where ${uriOf(expected)} was expected`);
    },
  });
}

export function serverCredentials(security: Security): ServerCredentials {
  if (security === 'insecure') return ServerCredentials.createInsecure();
  requireVersion13();
  const { ca, key, certificate } = security;
  return ServerCredentials.createSsl(ca, [{ private_key: key, cert_chain: certificate }], true);
}

/** grpc-js takes no version, so what it makes goes by Node's default, which is one for the process. */
function requireVersion13(): void {
  tls.DEFAULT_MIN_VERSION = 'TLSv1.3';
}
