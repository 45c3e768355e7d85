import assert from 'node:assert/strict';
import {
  chmod,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { filesOf } from '../libraries/certificates/index.js';
import { runCommand } from '../libraries/process/index.js';
import { readSecurity, RpcServer } from '../libraries/rpc/index.js';
import { makeBedCertificates } from './certificates.js';
import { copy } from './copy.js';
import { guestService } from './guest-agent/exec-service.js';
import { certificatesFolder, topologyOf, type VmPlace } from './topology.js';

describe('copy', () => {
  let folder = '';
  let vm: VmPlace;
  let server: RpcServer;
  const signal = new AbortController().signal;
  const file = (...names: string[]): string => path.join(folder, ...names);

  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'portkey-copy-'));
    await mkdir(file('tree/inner'), { recursive: true });
    await writeFile(file('tree/inner/data'), Buffer.from([0, 255, 10]));
    await chmod(file('tree/inner/data'), 0o741);
    await symlink('inner/data', file('tree/link'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  // The guest is this machine: what is tried here are the two ends and the way between them.
  let sockets = '';
  before(async () => {
    sockets = await mkdtemp(path.join(os.tmpdir(), 'portkey-sockets-'));
    const [place] = topologyOf(1, sockets).vms;
    assert.ok(place);
    vm = place;
    await makeBedCertificates([vm], [], certificatesFolder(sockets), runCommand);
    server = new RpcServer(readSecurity(filesOf(vm.certificates, { role: 'guest', name: vm.name })));
    server.add('Guest', guestService);
    await server.listen([`unix:${vm.agents.guest.socket}`]);
  });
  after(async () => {
    await server.stop(100);
    await rm(sockets, { recursive: true });
  });

  it('copies a folder into the guest under a new name, with modes and links', async () => {
    await copy({ path: file('tree') }, { vm, path: file('copy') }, signal);
    assert.deepEqual(await readFile(file('copy/inner/data')), Buffer.from([0, 255, 10]));
    assert.equal((await stat(file('copy/inner/data'))).mode & 0o777, 0o741);
    assert.equal(await readlink(file('copy/link')), 'inner/data');
    assert.deepEqual((await readdir(folder)).sort(), ['copy', 'tree']);
  });

  it('copies a file out of the guest into a folder that exists', async () => {
    await mkdir(file('target'));
    await copy({ vm, path: file('tree/inner/data') }, { path: file('target/') }, signal);
    assert.deepEqual(await readdir(file('target')), ['data']);
  });

  it('replaces a file', async () => {
    await writeFile(file('old'), 'old');
    await copy({ path: file('tree/inner/data') }, { vm, path: file('old') }, signal);
    assert.equal((await readFile(file('old'))).length, 3);
  });

  it('copies from guest to guest', async () => {
    await copy({ vm, path: file('tree/') }, { vm, path: file('twin') }, signal);
    assert.deepEqual((await readdir(file('twin'))).sort(), ['inner', 'link']);
  });

  it('says which side has nothing, and leaves nothing', async () => {
    await assert.rejects(copy({ vm, path: file('absent') }, { path: file('x') }, signal), {
      code: 'command-failed',
      message: `cannot copy vm-a:${file('absent')} to ${file('x')}: ${file('absent')}: no such file or folder`,
    });
    await assert.rejects(
      copy({ path: file('tree') }, { vm, path: file('absent/x') }, signal),
      /absent: no such folder$/,
    );
    assert.deepEqual(await readdir(folder), ['tree']);
  });

  it('does not merge a folder into one of the same name', async () => {
    await mkdir(file('target/tree'), { recursive: true });
    await assert.rejects(
      copy({ path: file('tree') }, { path: file('target') }, signal),
      /this folder is there already$/,
    );
  });

  it('refuses a path without a name', async () => {
    await assert.rejects(copy({ path: '/' }, { vm, path: file('x') }, signal), { code: 'invalid-argument' });
  });
});
