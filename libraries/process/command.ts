/**
 * Subprocesses that run to their end.
 *
 * Goal: one way to run a command, injected where it is used, so that tests can see what would run. Output is
 * collected whole, so this is for commands that print little. A command that is still running at its deadline
 * is killed with its process group.
 */
import { spawn } from 'node:child_process';

import { PortkeyError } from '../errors/index.js';

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly timeoutMs?: number;
  readonly input?: string | Buffer;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /**
   * For a command that leaves a process behind: that one inherits stdin, stdout and stderr, and should not hold on
   * to ours. All three are /dev/null then, and the result's stdout and stderr are empty.
   */
  readonly leavesProcess?: boolean;
  /**
   * Called with the pid, which is the process group's too, as soon as the command runs. Where it throws, the command is
   * killed with its process group, and fails with that once it has ended.
   */
  readonly onStart?: (pid: number) => void;
}

/** Runs `argv` and resolves with its end, whatever the exit code. Throws `command-failed` if it cannot start. */
export type RunCommand = (argv: readonly string[], options?: CommandOptions) => Promise<CommandResult>;

export const runCommand: RunCommand = (argv, options = {}) =>
  new Promise((resolve, reject) => {
    const [program = '', ...args] = argv;
    const stdio = options.leavesProcess === true ? 'ignore' : 'pipe';
    const child = spawn(program, args, {
      detached: true,
      stdio: [stdio, stdio, stdio],
      env: options.env ?? process.env,
      cwd: options.cwd,
    });
    const timer = setTimeout(() => {
      if (child.pid !== undefined) killGroup(child.pid);
    }, options.timeoutMs ?? 60_000);
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdin?.on('error', () => {
      /* the command may end without reading its input */
    });
    child.stdin?.end(options.input ?? '');
    let refusal: Error | undefined;
    child.on('error', (cause) => {
      clearTimeout(timer);
      reject(new PortkeyError('command-failed', `cannot run ${program}: ${cause.message}`, { cause }));
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (refusal !== undefined) {
        reject(refusal);
        return;
      }
      resolve({
        exitCode: code ?? 128,
        stdout,
        stderr: signal === null ? stderr : `${stderr}\nkilled by ${signal}`,
      });
    });
    if (child.pid === undefined) return;
    try {
      options.onStart?.(child.pid);
    } catch (error) {
      refusal = error instanceof Error ? error : new Error(String(error));
      killGroup(child.pid);
    }
  });

/** Runs `argv` and returns its stdout. Throws `command-failed` with the last line of stderr if it fails. */
export async function runChecked(
  run: RunCommand,
  argv: readonly string[],
  options?: CommandOptions,
): Promise<string> {
  const result = await run(argv, options);
  if (result.exitCode !== 0) {
    const lastLine = result.stderr.trim().split('\n').at(-1) ?? '';
    throw new PortkeyError(
      'command-failed',
      `'${argv.join(' ')}' ended with ${result.exitCode}: ${lastLine}`,
      {
        details: `${result.stdout}\n${result.stderr}`.trim(),
      },
    );
  }
  return result.stdout;
}

/** SIGKILL to a process group that was started by `runCommand`; one that is gone already is fine. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
