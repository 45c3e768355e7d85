/**
 * A CA and the certificates of a cluster, made with OpenSSL: for each service one, with the identity that says what it may do
 * (libraries/rpc/identity.ts).
 *
 *     DIR/ca.pem  ca.key        the CA; its key is needed here only, while certificates are made, and belongs to no host
 *     DIR/NAME.pem  NAME.key    operator, controller, relay-HOST, checkpoint-VM, restore-VM
 *
 * What is there already stays, so VMs and hosts can be added later; `renew` makes certificates anew under the same CA. Keys
 * are P-256, unencrypted, and for their owner's eyes only.
 *
 * A file is written whole or not at all, a pair is not: whoever is killed between its two files leaves a key without its
 * certificate, never with one that is not its own. Services refuse to start then and name the file, and the same command makes
 * both anew. So the old certificate goes first and the new one comes last. Limits: one command at a time in a folder; who is
 * killed leaves the folder .making-…, too, which nothing removes; after a power failure nothing is promised.
 *
 * Names of VMs and hosts become parts of paths and of identities, so none is taken that is not one of identity.ts'. A
 * certificate's subject is its role alone: nobody asks for it, and OpenSSL takes no more than 64 characters there.
 */
import { mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { PortkeyError } from '../errors/index.js';
import { runChecked, type RunCommand } from '../process/index.js';
import { isName, nameRule, uriOf, type Identity, type TlsFiles } from '../rpc/index.js';

export interface CertificateOptions {
  readonly folder: string;
  readonly vms: readonly string[];
  readonly hosts: readonly string[];
  /** Besides those that every cluster has. */
  readonly others?: readonly Identity[];
  readonly days: number;
  readonly renew: boolean;
}

export interface Certificates {
  readonly folder: string;
  readonly made: readonly string[];
  readonly kept: readonly string[];
}

const caDays = 3650;
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc'];

/** Throws `invalid-argument` for a name that no certificate can have, and where one is to be made without ca.key. */
export async function makeCertificates(options: CertificateOptions, run: RunCommand): Promise<Certificates> {
  const { folder, renew } = options;
  checkNames(options);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const scratch = await mkdtemp(path.join(folder, '.making-'));
  const made: string[] = [];
  const kept: string[] = [];
  try {
    const make = async (name: string, isWanted: boolean, issue: () => Promise<void>): Promise<void> => {
      if (!isWanted && (await exists(path.join(folder, `${name}.pem`)))) {
        kept.push(name);
        return;
      }
      await issue();
      await rm(path.join(folder, `${name}.pem`), { force: true });
      for (const kind of ['key', 'pem'])
        await rename(path.join(scratch, `${name}.${kind}`), path.join(folder, `${name}.${kind}`));
      made.push(name);
    };
    await make('ca', false, () => issueCa(scratch, run));
    for (const identity of identitiesOf(options))
      await make(nameOf(identity), renew, () =>
        issueCertificate(folder, scratch, identity, options.days, run),
      );
    return { folder, made, kept };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

export function identitiesOf({
  vms,
  hosts,
  others = [],
}: Pick<CertificateOptions, 'vms' | 'hosts' | 'others'>): Identity[] {
  return [
    { role: 'operator', name: '' },
    { role: 'controller', name: '' },
    ...hosts.map((name): Identity => ({ role: 'relay', name })),
    ...vms.flatMap((name): Identity[] => [
      { role: 'checkpoint', name },
      { role: 'restore', name },
    ]),
    ...others,
  ];
}

/** Of its files. */
export function nameOf({ role, name }: Identity): string {
  return name === '' ? role : `${role}-${name}`;
}

/** Where they are in a folder that this has filled. */
export function filesOf(folder: string, identity: Identity): TlsFiles {
  const file = (name: string): string => path.join(folder, name);
  const name = nameOf(identity);
  return { ca: file('ca.pem'), certificate: file(`${name}.pem`), key: file(`${name}.key`) };
}

/** Others than VMs and hosts may have none. */
function checkNames({ vms, hosts, others = [] }: CertificateOptions): void {
  const names = [...vms, ...hosts, ...others.map(({ name }) => name).filter((name) => name !== '')];
  for (const name of names)
    if (!isName(name))
      throw new PortkeyError(
        'invalid-argument',
        `'${name}' is no name that a certificate can have: write ${nameRule}`,
      );
}

async function issueCa(scratch: string, run: RunCommand): Promise<void> {
  const config = await configFile(scratch, 'ca', 'Portkey CA', [
    'basicConstraints = critical, CA:TRUE, pathlen:0',
    'keyUsage = critical, keyCertSign, cRLSign',
    'subjectKeyIdentifier = hash',
  ]);
  const file = (kind: string): string => path.join(scratch, `ca.${kind}`);
  // prettier-ignore
  await runChecked(run, ['openssl', 'req', '-x509', '-config', config, ...newKey, '-keyout', file('key'), '-out', file('pem'),
                         '-days', String(caDays)]);
}

async function issueCertificate(
  folder: string,
  scratch: string,
  identity: Identity,
  days: number,
  run: RunCommand,
): Promise<void> {
  const name = nameOf(identity);
  const config = await configFile(scratch, name, identity.role, [
    'basicConstraints = critical, CA:FALSE',
    'keyUsage = critical, digitalSignature',
    'extendedKeyUsage = serverAuth, clientAuth',
    `subjectAltName = URI:${uriOf(identity)}`,
    'subjectKeyIdentifier = hash',
    'authorityKeyIdentifier = keyid',
  ]);
  const file = (kind: string): string => path.join(scratch, `${name}.${kind}`);
  const ca = (kind: string): string => path.join(folder, `ca.${kind}`);
  if (!(await exists(ca('key'))))
    throw new PortkeyError(
      'invalid-argument',
      `${ca('key')} is missing, and no certificate for ${name} can be made without it: put it there, say this again, and take it away after`,
    );
  // prettier-ignore
  await runChecked(run, ['openssl', 'req', '-x509', '-config', config, ...newKey, '-keyout', file('key'), '-out', file('pem'),
                         '-days', String(days), '-CA', ca('pem'), '-CAkey', ca('key')]);
}

/** OpenSSL's own would add extensions of its own. */
async function configFile(
  scratch: string,
  name: string,
  commonName: string,
  extensions: readonly string[],
): Promise<string> {
  const file = path.join(scratch, `${name}.cnf`);
  const lines = [
    '[req]',
    'prompt = no',
    'distinguished_name = subject',
    'x509_extensions = extensions',
    '[subject]',
    `CN = ${commonName}`,
    '[extensions]',
    ...extensions,
    '',
  ];
  await writeFile(file, lines.join('\n'));
  return file;
}

async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined)) !== undefined;
}
