import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

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

  it("end with their migration, and another's does not for a pid among the files that were sent", async () => {
    const [own, others] = [await lookalike(), await lookalike()];
    const images = path.join(root, 'images');
    mkdirSync(path.join(images, 'm-1', 'final'), { recursive: true });
    writeFileSync(path.join(images, 'm-1', 'final.pid'), String(own.pid));
    writeFileSync(path.join(images, 'm-1', 'final', 'page-server.pid'), String(others.pid));
    const run = (): Promise<never> => Promise.reject(new Error('nothing is to be started'));
    const servers = new PageServers({ run, address: '127.0.0.1', root: images, random: () => 0 });
    const ended = once(own, 'exit');
    await servers.remove('m-1');
    await ended;
    assert.ok(!existsSync(path.join(images, 'm-1')));
    assert.deepEqual([others.exitCode, others.signalCode], [null, null]);
  });
});
