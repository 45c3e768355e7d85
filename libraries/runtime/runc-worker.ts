/**
 * The runc that works in a container's tasks, a dump or a restore, as `worker.pid` in the container's folder names it.
 *
 * Goal: an agent that lost its call of runc, or was restarted, still knows whether one is at work. Whoever thaws or removes
 * a container while CRIU is in its tasks leaves CRIU's parasite there.
 * States of the file: (none) nothing has ever worked here; `starting`, written before the process is started; its pid, which is
 * its process group, too. The pid is written over the other, so it needs no room (in-place.ts): where there is none, nothing
 * is started. Where anything but a pid stands there, an agent was killed between the start and the note, and the process is
 * looked for among all that there are.
 * Limits: a runc that somebody starts by hand is only found in that last case.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

import { errorCodeOf } from '../libc/index.js';
import { overwrite, reserve } from './in-place.js';

export interface RuncProcess {
  /** Of the process, and of its group. */
  readonly pid: number;
  readonly args: readonly string[];
}

const starting = 'starting';
/** Longer than any pid. */
const noteLength = 16;

export class RuncWorker {
  constructor(
    private readonly file: string,
    private readonly container: string,
  ) {}

  /** Right before the start. Returns what takes the pid once there is one. */
  expect(): (pid: number) => void {
    if (!existsSync(this.file)) reserve(this.file, noteLength);
    overwrite(this.file, starting.padEnd(noteLength));
    return (pid) => {
      overwrite(this.file, String(pid).padEnd(noteLength));
    };
  }

  /** The one that is at work now. */
  find(): RuncProcess | undefined {
    const note = textOf(this.file);
    if (note === undefined) return undefined;
    if (/^\d+ *$/.test(note)) return this.workerWith(Number(note));
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return pids.map((pid) => this.workerWith(Number(pid))).find((worker) => worker !== undefined);
  }

  /** Undefined where that process is another one, or has ended. */
  private workerWith(pid: number): RuncProcess | undefined {
    const [program, ...args] = textOf(`/proc/${pid}/cmdline`)?.split('\0').slice(0, -1) ?? [];
    const isWorker =
      program === 'runc' &&
      args.at(-1) === this.container &&
      (args.includes('checkpoint') || args.includes('restore'));
    return isWorker ? { pid, args } : undefined;
  }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    // A process that ends while it is read says ESRCH.
    if (['ENOENT', 'ESRCH'].includes(errorCodeOf(error) ?? '')) return undefined;
    throw error;
  }
}
