import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { PortkeyError } from '../errors/index.js';
import { runCommand, type RunCommand } from '../process/index.js';
import { identityOf } from '../rpc/index.js';
import { makeCertificates } from './make-certificates.js';

describe('certificates', function () {
  this.timeout(30_000);
  let folder = '';

  const make = (vms: readonly string[], renew = false) =>
    makeCertificates({ folder, vms, hosts: ['host-a'], days: 30, renew }, runCommand);
  const certificate = async (name: string): Promise<X509Certificate> =>
    new X509Certificate(await readFile(path.join(folder, `${name}.pem`)));

  beforeEach(async () => {
    folder = path.join(await mkdtemp(path.join(tmpdir(), 'portkey-certs-')), 'certs');
  });

  afterEach(() => rm(path.dirname(folder), { recursive: true, force: true }));

  it('say who each service is, for so many days, under one CA', async () => {
    const { made } = await make(['vm-a']);
    assert.deepEqual(made, [
      'ca',
      'operator',
      'controller',
      'relay-host-a',
      'checkpoint-vm-a',
      'restore-vm-a',
    ]);
    const ca = await certificate('ca');
    assert.ok(ca.ca);
    for (const [name, uri] of [
      ['operator', 'portkey:operator'],
      ['checkpoint-vm-a', 'portkey:checkpoint/vm-a'],
      ['relay-host-a', 'portkey:relay/host-a'],
    ] as const) {
      const found = await certificate(name);
      assert.equal(found.subjectAltName, `URI:${uri}`);
      assert.ok(found.verify(ca.publicKey) && !found.ca, name);
      const days = (Date.parse(found.validTo) - Date.now()) / 86_400_000;
      assert.ok(days > 29 && days <= 30, `${days} days`);
    }
  });

  it('have keys for their owner’s eyes only, and leave nothing else behind', async () => {
    await make(['vm-a']);
    const files = await readdir(folder);
    assert.equal(files.length, 12);
    for (const file of files.filter((name) => name.endsWith('.key')))
      assert.equal((await stat(path.join(folder, file))).mode & 0o777, 0o600, file);
  });

  it('stay where more are made, and are made anew under the same CA where that is asked for', async () => {
    await make(['vm-a']);
    const [ca, first] = [await certificate('ca'), await certificate('operator')];
    const { made, kept } = await make(['vm-a', 'vm-b']);
    assert.deepEqual(made, ['checkpoint-vm-b', 'restore-vm-b']);
    assert.equal(kept.length, 6);
    assert.equal((await certificate('operator')).serialNumber, first.serialNumber);
    await make(['vm-a'], true);
    assert.notEqual((await certificate('operator')).serialNumber, first.serialNumber);
    assert.equal((await certificate('ca')).serialNumber, ca.serialNumber);
  });

  it('are not made for a name that no certificate can have, nor anything else then', async () => {
    const wrong = ['h/../../x', '..', '', 'my vm', '-a', 'a,b', 'vm\n', '$ENV::HOME', 'a'.repeat(64)];
    for (const name of wrong)
      for (const names of [
        { vms: [name], hosts: [] },
        { vms: [], hosts: [name] },
        ...(name === '' ? [] : [{ vms: [], hosts: [], others: [{ role: 'guest', name } as const] }]),
      ])
        await assert.rejects(
          makeCertificates({ folder, ...names, days: 30, renew: false }, runCommand),
          (error: PortkeyError) =>
            error.code === 'invalid-argument' &&
            error.message.startsWith(`'${name.replace('\n', ' ')}' is no name`) &&
            error.message.includes('up to 63 letters, digits'),
        );
    assert.deepEqual(await readdir(path.dirname(folder)), []);
  });

  it('have the longest names that services accept', async () => {
    const name = `vm.${'a'.repeat(60)}`;
    await make([name]);
    assert.deepEqual(identityOf((await certificate(`checkpoint-${name}`)).subjectAltName), {
      role: 'checkpoint',
      name,
    });
  });

  it('are made by who has the CA’s key, and stay without it', async () => {
    await make(['vm-a']);
    const key = path.join(folder, 'ca.key');
    const elsewhere = path.join(path.dirname(folder), 'ca.key');
    await rename(key, elsewhere);
    assert.deepEqual((await make(['vm-a'])).made, []);
    const before = await readdir(folder);
    for (const [vm, renew] of [
      ['vm-b', false],
      ['vm-a', true],
    ] as const)
      await assert.rejects(
        make([vm], renew),
        (error: PortkeyError) =>
          error.code === 'invalid-argument' &&
          error.message.startsWith(`${key} is missing, `) &&
          !error.message.includes('openssl'),
      );
    assert.deepEqual(await readdir(folder), before);
    await rename(elsewhere, key);
    assert.deepEqual((await make(['vm-b'])).made, ['checkpoint-vm-b', 'restore-vm-b']);
  });

  it('are made anew where there is a key alone, as is left where renewing ends between the two files', async () => {
    await make(['vm-a']);
    const file = (kind: string): string => path.join(folder, `operator.${kind}`);
    const oldKey = await readFile(file('key'));
    // As if it had been killed before the certificate is put in its place.
    const ending: RunCommand = async (argv, options) => {
      const result = await runCommand(argv, options);
      const made = argv[argv.indexOf('-out') + 1] ?? '';
      if (path.basename(made) === 'operator.pem') await rm(made);
      return result;
    };
    const options = { folder, vms: ['vm-a'], hosts: ['host-a'], days: 30, renew: true };
    await assert.rejects(makeCertificates(options, ending), { code: 'ENOENT' });
    assert.notDeepEqual(await readFile(file('key')), oldKey);
    await assert.rejects(stat(file('pem')), { code: 'ENOENT' });
    assert.deepEqual((await make(['vm-a'])).made, ['operator']);
    assert.ok((await certificate('operator')).checkPrivateKey(createPrivateKey(await readFile(file('key')))));
  });
});
