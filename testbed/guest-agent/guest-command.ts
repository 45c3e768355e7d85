/**
 * One command in the guest, from its start to its end.
 *
 * It leads a process group of its own, so that a signal reaches all that it started. It ends when its own process
 * has exited and its output has been read: a daemon that it left behind may keep the pipes open for ever, so after
 * the exit, output that pauses for `quietMs` counts as all of it. What it left behind lives on, unless `kill` is called.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { constants } from 'node:os';

import { PortkeyError } from '../../libraries/errors/index.js';
import type { ExecOutput } from '../../libraries/rpc/index.js';
import { Funnel } from './funnel.js';

export type CommandOutput = Partial<Pick<ExecOutput, 'stdout' | 'stderr' | 'end'>>;

export interface CommandStart {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly directory: string;
}

const quietMs = 200;

export class GuestCommand {
  readonly outputs = new Funnel<CommandOutput>();
  private readonly child: ChildProcessWithoutNullStreams;
  private ended: { code: number | null; signal: NodeJS.Signals | null } | undefined;
  private quiet: NodeJS.Timeout | undefined;

  constructor({ command, env, directory }: CommandStart) {
    const [program = '', ...args] = command;
    this.child = spawn(program, args, {
      detached: true,
      cwd: directory,
      env: { ...process.env, ...env },
      stdio: 'pipe',
    });
    this.outputs.pour(this.child.stdout, (stdout) => this.heard({ stdout }));
    this.outputs.pour(this.child.stderr, (stderr) => this.heard({ stderr }));
    this.child.stdin.on('error', () => {
      /* the command may end without reading its input */
    });
    this.child.once('error', (cause) => {
      const reason = 'code' in cause && cause.code === 'ENOENT' ? 'no such program or folder' : cause.message;
      this.outputs.fail(
        new PortkeyError('invalid-argument', `cannot run '${program}': ${reason}`, { cause }),
      );
    });
    this.child.once('exit', (code, signal) => {
      this.ended = { code, signal };
      this.waitForQuiet();
    });
    this.child.once('close', () => this.finish());
  }

  /** Resolves when more may be written. An empty chunk closes the input. */
  async write(chunk: Buffer): Promise<void> {
    const { stdin } = this.child;
    if (chunk.length === 0) stdin.end();
    else if (stdin.writable && !stdin.write(chunk))
      await new Promise((resolve) => stdin.once('drain', resolve).once('close', resolve));
  }

  /** To the command and all it started. Throws `invalid-argument` for a name that is no signal. */
  signal(name: string): void {
    if (!isSignal(name)) throw new PortkeyError('invalid-argument', `'${name}' is not a signal`);
    if (this.child.pid === undefined) return;
    try {
      process.kill(-this.child.pid, name);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  }

  /** Ends the command and all it started, if it has not ended yet. */
  kill(): void {
    if (this.ended === undefined) this.signal('SIGKILL');
  }

  private heard(output: CommandOutput): CommandOutput {
    if (this.ended !== undefined) this.waitForQuiet();
    return output;
  }

  private waitForQuiet(): void {
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => {
      if (this.outputs.held) this.waitForQuiet();
      else this.finish();
    }, quietMs);
  }

  private finish(): void {
    clearTimeout(this.quiet);
    if (this.ended === undefined) return;
    const { code, signal } = this.ended;
    const exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
    this.outputs.push({ end: { exitCode, signal: signal ?? '' } });
    this.outputs.end();
    for (const stream of [this.child.stdout, this.child.stderr, this.child.stdin]) stream.destroy();
  }
}

function isSignal(name: string): name is NodeJS.Signals {
  return Object.hasOwn(constants.signals, name);
}
