/**
 * What the pages of a frozen task hold, through /proc/PID/mem (man proc_pid_mem), which reads what the task itself may not, too.
 *
 * It is the kernel's memory, so nothing here waits. The owner closes it.
 */
import { closeSync, openSync, readSync } from 'node:fs';

import { asPortkeyError, PortkeyError } from '../../../libraries/errors/index.js';
import type { Task } from '../../../libraries/runtime/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';

export class TaskContent {
  private constructor(
    private readonly task: Pick<Task, 'pid' | 'namespacePid'>,
    private readonly fd: number,
  ) {}

  /** Throws `scan-failed`. */
  static open(task: Pick<Task, 'pid' | 'namespacePid'>): TaskContent {
    try {
      return new TaskContent(task, openSync(`/proc/${task.pid}/mem`, 'r'));
    } catch (cause) {
      throw new PortkeyError(
        'scan-failed',
        `cannot read the memory of pid ${task.pid}: ${asPortkeyError(cause).message}; the checkpoint service needs CAP_SYS_PTRACE`,
        { cause },
      );
    }
  }

  /** Throws `digest-mismatch` where there is nothing to read. */
  read(page: number, into: Buffer): void {
    const address = page * PAGE_BYTES;
    for (let done = 0; done < into.length;) {
      const read = this.readSome(into.subarray(done), address + done);
      if (read === 0) {
        throw new PortkeyError(
          'digest-mismatch',
          `the page at ${hex(address + done)} of task ${this.task.namespacePid} landed, but the frozen task has none there`,
        );
      }
      done += read;
    }
  }

  close(): void {
    closeSync(this.fd);
  }

  /** 0 where there is nothing: no mapping (EIO), or the task has ended. */
  private readSome(into: Buffer, address: number): number {
    try {
      return readSync(this.fd, into, 0, into.length, address);
    } catch {
      return 0;
    }
  }
}

export function hex(address: number): string {
  return `0x${address.toString(16)}`;
}
