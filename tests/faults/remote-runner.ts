/**
 * A process with a test bed of its own (runner-program.ts), isolated from this one's and from others: while one bed waits for
 * the end of a fault, another has the processors.
 *
 *     start ──▶ { ready } ──▶ cell ──▶ result ──▶ cell ──▶ … ──▶ 'close' ──▶ (its bed is down) ends
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Cell, CellResult, Conditions } from './cell.js';
import type { CellRunner } from './runner.js';

const program = fileURLToPath(new URL('runner-program.js', import.meta.url));
const isolated = path.resolve('scripts/isolated.sh');

export type RunnerRequest = Cell | 'close';
export type RunnerAnswer = { readonly ready: true } | { readonly result: CellResult };

export class RemoteRunner implements CellRunner {
  private readonly exited: Promise<unknown[]>;

  private constructor(private readonly child: ChildProcess) {
    this.exited = once(child, 'exit');
  }

  /** Waits until its test bed is up. Its logs are in `folder`. */
  static async start(folder: string, conditions: Conditions): Promise<RemoteRunner> {
    // In a process group of its own: Ctrl-C ends cells, not the bed under them.
    const command = [process.execPath, program, JSON.stringify(conditions)];
    const child = spawn('bash', [isolated, path.resolve(folder), ...command], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      detached: true,
    });
    const runner = new RemoteRunner(child);
    await runner.answer();
    return runner;
  }

  async run(cell: Cell): Promise<CellResult> {
    this.send(cell);
    const answer = await this.answer();
    if (!('result' in answer)) throw new Error('a cell was answered without a result');
    return answer.result;
  }

  async close(): Promise<void> {
    this.send('close');
    await this.exited;
  }

  /** That it has ended is for `exited` to say. */
  private send(request: RunnerRequest): void {
    if (this.child.connected) this.child.send(request, () => undefined);
  }

  private async answer(): Promise<RunnerAnswer> {
    const said = once(this.child, 'message').then(([message]) => message as RunnerAnswer);
    const ended = this.exited.then((): never => {
      throw new Error('a test bed of the matrix has ended');
    });
    return Promise.race([said, ended]);
  }
}
