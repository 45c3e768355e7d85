/** For tests: certificates for two relays and a controller, in a folder of their own; or none. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { filesOf, makeCertificates } from '../../../libraries/certificates/index.js';
import { runCommand } from '../../../libraries/process/index.js';
import {
  readSecurity,
  type Identity,
  type Security,
  type Tls,
  type TlsFiles,
} from '../../../libraries/rpc/index.js';

export interface NodeTls {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
  /** The relay's own check is the one that is tested. */
  readonly checkServerIdentity: () => undefined;
}

export interface Certified {
  /** Where they are. */
  readonly folders: readonly string[];
  /** As a configuration has them. */
  filesOf(identity: Identity): TlsFiles | 'insecure';
  securityOf(identity: Identity): Security;
  /** For node:tls, which is what tests come to a relay with. */
  nodeTls(identity: Identity): NodeTls | undefined;
  remove(): Promise<void>;
}

export const insecure: Certified = {
  folders: [],
  filesOf: () => 'insecure',
  securityOf: () => 'insecure',
  nodeTls: () => undefined,
  remove: () => Promise.resolve(),
};

export const relayA: Identity = { role: 'relay', name: 'host-a' };
export const relayB: Identity = { role: 'relay', name: 'host-b' };
export const checkpointOfA: Identity = { role: 'checkpoint', name: 'vm-a' };

export class TestCertificates implements Certified {
  private constructor(private readonly folder: string) {}

  get folders(): readonly string[] {
    return [this.folder];
  }

  static async make(): Promise<TestCertificates> {
    const folder = await mkdtemp(path.join(tmpdir(), 'portkey-relay-certs-'));
    const options = { folder, vms: ['vm-a'], hosts: [relayA.name, relayB.name], days: 1, renew: false };
    await makeCertificates(options, runCommand);
    return new TestCertificates(folder);
  }

  filesOf(identity: Identity): TlsFiles {
    return filesOf(this.folder, identity);
  }

  securityOf(identity: Identity): Tls {
    const security = readSecurity(this.filesOf(identity));
    if (security === 'insecure') throw new Error('files are not insecure');
    return security;
  }

  nodeTls(identity: Identity): NodeTls {
    const { ca, certificate, key } = this.securityOf(identity);
    return { ca, cert: certificate, key, checkServerIdentity: () => undefined };
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}
