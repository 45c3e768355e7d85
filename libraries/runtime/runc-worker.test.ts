import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { skip } from '../../tests/support/skip.js';
import { RuncWorker } from './runc-worker.js';
import { canMount, fillUp, mountSmall, unmountSmall } from './test-tmpfs.js';

describe('the runc that works for a container', () => {
  let folder = '';
  let file = '';
  let worker = new RuncWorker('', '');
  const children: ChildProcess[] = [];
  // Nobody else's on this machine.
  const name = `web-${process.pid}`;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'portkey-worker-'));
    file = path.join(folder, 'worker.pid');
    worker = new RuncWorker(file, name);
  });
  afterEach(async () => {
    for (const child of children.splice(0)) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await rm(folder, { recursive: true, force: true });
  });

  /** A process that looks like runc with these arguments. */
  async function runc(...args: string[]): Promise<number> {
    const idle = ['-e', 'setInterval(() => {}, 1000)', '--'];
    const child = spawn(process.execPath, [...idle, ...args], { argv0: 'runc', stdio: 'ignore' });
    children.push(child);
    await once(child, 'spawn');
    return child.pid ?? 0;
  }

  it('is the one that was noted, for as long as that process is it', async () => {
    assert.equal(worker.find(), undefined);
    const pid = await runc('checkpoint', '--page-server', '10.77.0.12:23456', name);
    assert.equal(worker.find(), undefined, 'nothing has been started for the container');
    worker.expect()(pid);
    assert.equal(worker.find()?.pid, pid);
    assert.deepEqual(worker.find()?.args.slice(-4), [
      'checkpoint',
      '--page-server',
      '10.77.0.12:23456',
      name,
    ]);
    // Pids are used again.
    worker.expect()(await runc('checkpoint', '--leave-running', 'another'));
    assert.equal(worker.find(), undefined);
    worker.expect()(process.pid);
    assert.equal(worker.find(), undefined);
  });

  it('is found where the agent was killed before it could note the pid', async () => {
    worker.expect();
    assert.equal(worker.find(), undefined, 'also before the start');
    await runc('delete', '--force', name);
    await runc('checkpoint', '--leave-running', 'another');
    assert.equal(worker.find(), undefined);
    const pid = await runc('restore', '--detach', name);
    const restarted = new RuncWorker(file, name);
    assert.equal(restarted.find()?.pid, pid);
    for (const torn of ['', `${pid}ting`, 'star']) {
      await writeFile(file, torn);
      assert.equal(restarted.find()?.pid, pid, `where '${torn}' is noted`);
    }
  });

  it('is noted on a full file system, unless nothing has been noted before: then none is started', async function () {
    if (!canMount()) skip(this, 'only root can mount');
    const pid = await runc('checkpoint', '--leave-running', name);
    await mountSmall(folder);
    try {
      worker.expect()(1);
      fillUp(folder);
      const note = worker.expect();
      assert.equal(worker.find()?.pid, pid);
      note(pid);
      assert.equal(worker.find()?.pid, pid);
      assert.throws(() => new RuncWorker(path.join(folder, 'other'), name).expect(), { code: 'ENOSPC' });
    } finally {
      await unmountSmall(folder);
    }
  });
});
