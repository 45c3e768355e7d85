/**
 * A task that holds memory (held-memory.ts), seen from the process that looks at it.
 *
 *     started ──▶ held ──write, as often as wanted──▶ held ──(disposed, or the signal)──▶ killed
 *
 * Where whoever started it is killed itself, the task's input ends, and it with that.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

import { PortkeyError } from '../../../../libraries/errors/index.js';
import type { Clock } from '../../../../libraries/process/index.js';
import type { Layout } from './layouts.js';

/** V8's other threads may still finish what they had begun. */
const settleMs = 200;

export interface HeldTaskParts {
  /** Compiled; run with `hold`, the layout's name and the bytes. */
  readonly program: string;
  readonly clock: Pick<Clock, 'sleep'>;
  readonly signal: AbortSignal;
}

export class HeldTask implements AsyncDisposable {
  private readonly words: AsyncIterator<string, undefined>;
  private readonly ended: Promise<unknown>;

  private constructor(
    private readonly child: ChildProcessByStdio<Writable, Readable, null>,
    private readonly parts: HeldTaskParts,
  ) {
    this.words = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    this.ended = once(child, 'close').catch(() => undefined);
    // A task that has ended is noticed by what it does not say.
    child.stdin.on('error', () => undefined);
  }

  /** Resolves when the memory is there. Throws `command-failed`, or the signal's reason. */
  static async start({ name }: Layout, byteLength: number, parts: HeldTaskParts): Promise<HeldTask> {
    const { program, signal } = parts;
    const child = spawn(process.execPath, [program, 'hold', name, String(byteLength)], {
      stdio: ['pipe', 'pipe', 'inherit'],
      signal,
      killSignal: 'SIGKILL',
    });
    const task = new HeldTask(child, parts);
    await task.hear('held');
    return task;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** In huge pages, of all its memory. */
  get hugeBytes(): number {
    const rollup = readFileSync(`/proc/${this.pid}/smaps_rollup`, 'utf8');
    return Number(/^AnonHugePages:\s+(\d+) kB$/m.exec(rollup)?.[1] ?? 0) * 1024;
  }

  /** Has it write a part of its memory. Throws as `start`. */
  async write(): Promise<void> {
    this.child.stdin.write('w');
    await this.hear('written');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  private async hear(word: string): Promise<void> {
    const { clock, signal } = this.parts;
    const next = await this.words.next();
    if (next.value === word) {
      await clock.sleep(settleMs, signal);
      return;
    }
    await this.ended;
    signal.throwIfAborted();
    throw new PortkeyError('command-failed', `the task that holds the memory ended before it was ${word}`);
  }
}
