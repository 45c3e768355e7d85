/**
 * The command line as its users see it: a process with exit code, stdout and stderr.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { projectFile } from '../../testbed/paths.js';

const main = projectFile('build/bundle/cli/portkey.mjs');

export interface CommandLineResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCommandLine {
  interrupt(): void;
  /** Resolves as soon as stderr has this text. Throws where the process ends without it. */
  said(text: string): Promise<void>;
  readonly result: Promise<CommandLineResult>;
}

/** Environment variables of `env` are added; those that would lead to a real test bed are not passed on. */
export function startPortkey(
  args: readonly string[],
  env: Record<string, string>,
  cwd?: string,
): RunningCommandLine {
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      XDG_STATE_HOME: '/nonexistent',
      PORTKEY_CONTROLLER: undefined,
      PORTKEY_CERTS: undefined,
      ...env,
    },
    cwd,
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  let ended = false;
  const closed = once(child, 'close').then(() => {
    ended = true;
  });
  return {
    interrupt: () => child.kill('SIGINT'),
    said: async (text) => {
      while (!stderr.includes(text)) {
        if (ended) throw new Error(`portkey ended without saying '${text}': ${stderr}${stdout}`);
        await Promise.race([once(child.stderr, 'data'), closed]);
      }
    },
    result: closed.then(() => ({ exitCode: child.exitCode ?? 128, stdout, stderr })),
  };
}

export function portkey(
  args: readonly string[],
  env: Record<string, string> = {},
  cwd?: string,
): Promise<CommandLineResult> {
  return startPortkey(args, env, cwd).result;
}
