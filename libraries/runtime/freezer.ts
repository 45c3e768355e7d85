/**
 * The cgroup v2 freezer: stops and thaws every task of a container at once
 * (kernel: Documentation/admin-guide/cgroup-v2.rst, "cgroup.freeze").
 *
 * `runc pause` writes the same file, so runc sees the container as paused; written directly it takes
 * milliseconds instead of the start of a program.
 */
import { readFile, writeFile } from 'node:fs/promises';

import { PortkeyError } from '../errors/index.js';
import type { Clock } from '../process/index.js';
import { cgroupPath } from './runc-config.js';

const settleMs = 5_000;

export class Freezer {
  private readonly folder: string;

  constructor(
    private readonly name: string,
    private readonly clock: Clock,
    cgroupRoot = '/sys/fs/cgroup',
  ) {
    this.folder = `${cgroupRoot}${cgroupPath(name)}`;
  }

  /** Resolves once every task stands still. Throws `freeze-failed`; the tasks are thawed again then. */
  async freeze(): Promise<void> {
    try {
      await this.set(true);
    } catch (cause) {
      await this.set(false).catch(() => undefined);
      throw new PortkeyError(
        'freeze-failed',
        `container '${this.name}' does not freeze: a task may be stuck in the kernel (state D)`,
        { cause },
      );
    }
  }

  async thaw(): Promise<void> {
    await this.set(false);
  }

  private async set(frozen: boolean): Promise<void> {
    await writeFile(`${this.folder}/cgroup.freeze`, frozen ? '1' : '0');
    const deadline = this.clock.monotonicMs() + settleMs;
    const wanted = frozen ? /^frozen 1$/m : /^frozen 0$/m;
    while (!wanted.test(await readFile(`${this.folder}/cgroup.events`, 'utf8'))) {
      if (this.clock.monotonicMs() > deadline)
        throw new Error(`cgroup.events of ${this.folder} does not become ${wanted.source}`);
      await this.clock.sleep(1);
    }
  }
}
