import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { skip } from '../../tests/support/skip.js';
import { runChecked, runCommand, systemClock } from '../process/index.js';
import { ContainerCgroup } from './container-cgroup.js';
import { canMount } from './test-tmpfs.js';

describe("the end of a container's cgroup", () => {
  let mounted = '';
  let root = '';
  let task: ChildProcess | undefined;
  beforeEach(async function () {
    if (!canMount()) skip(this, 'only root can make cgroups');
    mounted = await mkdtemp(path.join(tmpdir(), 'portkey-cgroup-'));
    await runChecked(runCommand, ['mount', '-t', 'cgroup2', 'cgroup2', mounted]);
    root = path.join(mounted, `portkey-test-${process.pid}`);
    await mkdir(path.join(root, 'portkey/web/below'), { recursive: true });
    task = spawn('sleep', ['60'], { stdio: 'ignore' });
    await writeFile(path.join(root, 'portkey/web/below/cgroup.procs'), String(task.pid));
  });
  afterEach(async () => {
    if (mounted === '') return;
    if (task?.exitCode === null && task.signalCode === null) {
      task.kill('SIGKILL');
      await once(task, 'exit');
    }
    for (const folder of ['portkey/web/below', 'portkey/web', 'portkey', ''])
      await rmdir(path.join(root, folder)).catch(() => undefined);
    await runChecked(runCommand, ['umount', mounted]);
    await rmdir(mounted);
    mounted = '';
  });

  it('is noticed where it does not come, and comes with those below once no task is left', async () => {
    const cgroup = new ContainerCgroup('web', systemClock, root);
    await assert.rejects(cgroup.remove(), {
      code: 'runtime-failed',
      message: /^the cgroup \S*\/portkey\/web of container 'web' cannot be removed \(EBUSY\): /,
    });
    await cgroup.killTasks();
    await cgroup.remove();
    assert.equal(existsSync(path.join(root, 'portkey/web')), false);
    await cgroup.killTasks();
    await cgroup.remove();
  });
});
