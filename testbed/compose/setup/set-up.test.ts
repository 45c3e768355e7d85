import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { runCommand } from '../../../libraries/process/index.js';
import { setUp } from './set-up.js';

const yearMs = 365 * 86_400_000;

describe("the secrets of compose.yaml's services", function () {
  this.timeout(60_000);
  let folder = '';

  const make = (vms = 2): Promise<string[]> =>
    setUp(
      { folder, vms, streams: 2 },
      {
        owner: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
        run: runCommand,
      },
    );
  const contentOf = async (): Promise<Record<string, string>> => {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name));
    const contents = await Promise.all(
      files.map(async (file) => [path.relative(folder, file), await readFile(file, 'utf8')] as const),
    );
    return Object.fromEntries(contents);
  };

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'portkey-setup-'));
  });

  afterEach(() => rm(folder, { recursive: true }));

  it('are each service’s own, and nobody’s the key that makes certificates', async () => {
    await make();
    const files = Object.keys(await contentOf()).filter((file) => !file.startsWith('authority/'));
    assert.deepEqual(files.sort(), [
      'clients/ca.pem',
      'clients/workload.key',
      'clients/workload.pem',
      'controller/ca.pem',
      'controller/config.json',
      'controller/controller.key',
      'controller/controller.pem',
      'controller/redis-password',
      'operator/ca.pem',
      'operator/operator.key',
      'operator/operator.pem',
      'redis/password',
      'redis/users.acl',
      ...['a', 'b'].flatMap((letter) =>
        ['ca.pem', 'config.json', `relay-host-${letter}.key`, `relay-host-${letter}.pem`].map(
          (name) => `relay-${letter}/${name}`,
        ),
      ),
      'targets/targets.json',
      ...['a', 'b'].flatMap((letter) => [
        `vm-${letter}/ca.pem`,
        ...['checkpoint', 'guest', 'restore'].flatMap((role) =>
          ['key', 'pem'].map((end) => `vm-${letter}/${role}-vm-${letter}.${end}`),
        ),
      ]),
    ]);
  });

  it('can be read by their owner and the group, the authority’s key by its owner alone', async () => {
    await make();
    const modeOf = async (file: string): Promise<string> =>
      ((await stat(path.join(folder, file))).mode & 0o777).toString(8);
    assert.deepEqual(
      await Promise.all(['controller', 'controller/controller.key', 'redis/password'].map(modeOf)),
      ['750', '640', '640'],
    );
    assert.deepEqual(await Promise.all(['authority', 'authority/ca.key'].map(modeOf)), ['700', '600']);
  });

  it('stay as they are when they are asked for again, and grow by a third VM', async () => {
    await make();
    const before = await contentOf();
    await make();
    assert.deepEqual(await contentOf(), before);
    const services = await make(3);
    assert.ok(services.includes('vm-c') && services.includes('relay-c'));
    const after = await contentOf();
    for (const file of ['authority/ca.pem', 'redis/password', 'relay-a/relay-host-a.pem'])
      assert.equal(after[file], before[file], file);
    assert.match(after['controller/config.json'] ?? '', /"vm-c"/);
  });

  it('are valid for years, since nobody is told when they end', async () => {
    await make();
    const { 'controller/controller.pem': text = '' } = await contentOf();
    assert.ok(Date.parse(new X509Certificate(text).validTo) - Date.now() > 9 * yearMs);
  });

  it('have one password, at Redis and at the controller', async () => {
    await make();
    const { 'redis/password': atRedis, 'controller/redis-password': atController } = await contentOf();
    assert.equal(atController, atRedis);
    assert.match(atRedis ?? '', /^[0-9a-f]{64}$/);
  });

  it('replace what was written by half', async () => {
    await make();
    await writeFile(path.join(folder, 'controller/config.json'), '{');
    await make();
    assert.match((await contentOf())['controller/config.json'] ?? '', /"listen"/);
  });
});
