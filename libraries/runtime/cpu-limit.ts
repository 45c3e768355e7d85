/**
 * Limits the CPU of a container for a while, by its cgroup's `cpu.max` (kernel:
 * Documentation/admin-guide/cgroup-v2.rst), and gives back what stood there before.
 *
 * What stood there is noted in the container's folder before the file is touched, so an agent that was killed and came
 * back lifts the limit from the container's name alone. Where nothing is noted nothing is lifted: a limit that somebody
 * else has set is never touched.
 *
 * The limit does not travel. It is lifted before the container is frozen for good, hence before CRIU's dump; and of
 * cgroup v2 CRIU dumps only `cgroup.*` properties (criu/cgroup-props.c, ____criu_global_props_v2____), while runc
 * writes `cpu.max` only where config.json has a quota (libcontainer/cgroups/fs2/cpu.go), which ours never has.
 *
 * Limits: tasks that wait for their next share of CPU cannot be frozen before they have it, which is why the period is
 * short; freezing takes longer all the same. The kernel gives at least 1 ms a period, so a container keeps a twentieth of
 * a CPU at the least.
 */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { PortkeyError } from '../errors/index.js';
import { errorCodeOf } from '../libc/index.js';
import { cgroupPath } from './runc-config.js';

const periodUs = 20_000;
const leastQuotaUs = 1_000;

export class CpuLimit {
  private readonly cgroup: string;
  private readonly noteFile: string;

  /** `folder`: the container's own, as ContainerStore has it. */
  constructor(
    private readonly name: string,
    folder: string,
    cgroupRoot = '/sys/fs/cgroup',
  ) {
    this.cgroup = `${cgroupRoot}${cgroupPath(name)}`;
    this.noteFile = path.join(folder, 'cpu-max');
  }

  /** CPU that the container has used since it was started. Throws `runtime-failed`. */
  async usedSeconds(): Promise<number> {
    const stat = await this.read('cpu.stat');
    return Number(/^usage_usec (\d+)$/m.exec(stat)?.[1] ?? 0) / 1e6;
  }

  /** Lets the container use so many CPUs' time, or the least that the kernel takes. Throws `runtime-failed`. */
  async set(cpus: number): Promise<void> {
    const before = await this.read('cpu.max');
    if ((await this.noted()) === undefined) {
      await writeFile(`${this.noteFile}.new`, before);
      await rename(`${this.noteFile}.new`, this.noteFile);
    }
    await this.write(`${Math.max(leastQuotaUs, Math.round(cpus * periodUs))} ${periodUs}`);
  }

  /** As it was before. Fine where there is no limit, and where the container is gone. Throws `runtime-failed`. */
  async lift(): Promise<void> {
    const before = await this.noted();
    if (before === undefined) return;
    await this.write(before.trim()).catch((error: unknown) => {
      if (errorCodeOf(error) !== 'ENOENT') throw error;
    });
    await rm(this.noteFile, { force: true });
  }

  private noted(): Promise<string | undefined> {
    return readFile(this.noteFile, 'utf8').catch(() => undefined);
  }

  private async read(file: string): Promise<string> {
    return readFile(path.join(this.cgroup, file), 'utf8').catch((cause: unknown) => {
      throw this.failure(`cannot read ${file}`, cause);
    });
  }

  private async write(value: string): Promise<void> {
    await writeFile(path.join(this.cgroup, 'cpu.max'), value).catch((cause: unknown) => {
      throw this.failure(`cannot write '${value}' to cpu.max`, cause);
    });
  }

  private failure(what: string, cause: unknown): PortkeyError {
    return new PortkeyError(
      'runtime-failed',
      `${what} of container '${this.name}'; is the cpu controller enabled in ${path.dirname(this.cgroup)}/cgroup.subtree_control?`,
      { cause },
    );
  }
}
