/**
 * The end of a container's cgroup (kernel: Documentation/admin-guide/cgroup-v2.rst): its tasks are killed, and the folder
 * is removed with those that the container has made below it.
 *
 * runc does both where it knows the container. Where a restore broke off half-way it knows nothing of it, and the tasks and
 * the cgroup are there all the same.
 */
import { readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { PortkeyError } from '../errors/index.js';
import { errorCodeOf } from '../libc/index.js';
import type { Clock } from '../process/index.js';
import { cgroupPath } from './runc-config.js';

const killMs = 10_000;

export class ContainerCgroup {
  private readonly folder: string;

  constructor(
    private readonly name: string,
    private readonly clock: Clock,
    root: string,
  ) {
    this.folder = `${root}${cgroupPath(name)}`;
  }

  /** Resolves once there are none. Fine where there is no cgroup. Throws `runtime-failed`. */
  async killTasks(): Promise<void> {
    const killed = await writeFile(`${this.folder}/cgroup.kill`, '1').then(
      () => true,
      () => false,
    );
    if (!killed) return;
    const deadline = this.clock.monotonicMs() + killMs;
    while (/^populated 1$/m.test(await readFile(`${this.folder}/cgroup.events`, 'utf8').catch(() => ''))) {
      if (this.clock.monotonicMs() > deadline) {
        throw new PortkeyError(
          'runtime-failed',
          `the tasks of container '${this.name}' do not end: one may be stuck in the kernel (state D)`,
        );
      }
      await this.clock.sleep(5);
    }
  }

  /** Fine where there is none. Throws `runtime-failed` where it is still there afterwards. */
  async remove(): Promise<void> {
    await removeFolder(this.folder).catch((cause: unknown) => {
      throw new PortkeyError(
        'runtime-failed',
        `the cgroup ${this.folder} of container '${this.name}' cannot be removed (${errorCodeOf(cause) ?? 'unknown'}): a task may be left in it; stop the container again`,
        { cause },
      );
    });
  }
}

/** The kernel removes the files of a cgroup with it, and no cgroup that has others below it. */
async function removeFolder(folder: string): Promise<void> {
  try {
    for (const entry of await readdir(folder, { withFileTypes: true }))
      if (entry.isDirectory()) await removeFolder(path.join(folder, entry.name));
    await rmdir(folder);
  } catch (error) {
    if (errorCodeOf(error) !== 'ENOENT') throw error;
  }
}
