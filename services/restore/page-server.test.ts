import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { detachMount, mountTmpfs } from '../../libraries/libc/index.js';
import { PageServers } from './page-server.js';

describe('page servers', () => {
  let root = '';
  const children: ChildProcess[] = [];
  beforeEach(() => (root = mkdtempSync(path.join(tmpdir(), 'portkey-page-server-'))));
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    rmSync(root, { recursive: true, force: true });
  });

  /** A process that looks like one to whoever reads its command line. */
  async function lookalike(): Promise<ChildProcess> {
    writeFileSync(path.join(root, 'page-server'), "setInterval(() => 0, 1000); console.log('up');");
    const child = spawn(process.execPath, ['page-server'], {
      ...{ argv0: 'criu', cwd: root, detached: true, stdio: ['ignore', 'pipe', 'inherit'] },
    });
    children.push(child);
    await once(child.stdout, 'data');
    return child;
  }

  const serversIn = (images: string): PageServers =>
    new PageServers({
      run: () => Promise.reject(new Error('nothing is to be started')),
      ...{ address: '127.0.0.1', root: images, random: () => 0, mountTmpfs, detachMount },
    });

  it('have as much room as was prepared for them, whoever writes, and none of it once they are removed', async function () {
    if (process.getuid?.() !== 0) {
      process.stderr.write('skipped: only root can mount\n');
      this.skip();
    }
    const servers = serversIn(path.join(root, 'images'));
    const folder = servers.folder('m-1');
    const mounts = (): string[] =>
      readFileSync('/proc/self/mountinfo', 'utf8')
        .split('\n')
        .filter((line) => line.includes(folder));
    await servers.prepare('m-1', 2 ** 20);
    try {
      mkdirSync(path.join(folder, '0'));
      const file = path.join(folder, '0', 'pages-1.img');
      writeFileSync(file, Buffer.alloc(2 ** 19));
      assert.throws(() => writeFileSync(path.join(folder, '0', 'pages-2.img'), Buffer.alloc(2 ** 20)), {
        code: 'ENOSPC',
      });
      assert.equal(mounts().length, 1);
      // A file in it that somebody has open does not keep it.
      const fd = openSync(file, 'r');
      await servers.remove('m-1');
      closeSync(fd);
    } finally {
      detachMount(folder);
    }
    assert.deepEqual([mounts(), existsSync(folder)], [[], false]);
    await servers.remove('m-1');
  });

  it("end with their migration, and another's does not for a pid among the files that were sent", async () => {
    const [own, others] = [await lookalike(), await lookalike()];
    const images = path.join(root, 'images');
    mkdirSync(path.join(images, 'm-1', 'final'), { recursive: true });
    writeFileSync(path.join(images, 'm-1', 'final.pid'), String(own.pid));
    writeFileSync(path.join(images, 'm-1', 'final', 'page-server.pid'), String(others.pid));
    const servers = serversIn(images);
    const ended = once(own, 'exit');
    await servers.remove('m-1');
    await ended;
    assert.ok(!existsSync(path.join(images, 'm-1')));
    assert.deepEqual([others.exitCode, others.signalCode], [null, null]);
  });
});
