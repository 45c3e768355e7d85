/**
 * The command line as a user has it: a process with arguments, an exit code, stdout and stderr. What tests ask again and
 * again they ask without it: starting a process costs more than the answer.
 */
import { spawn } from 'node:child_process';
import { on } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

import { collector } from '../../../cli/collector.js';
import { exec, type ExecOptions } from '../../../testbed/index.js';
import { projectFile } from '../../../testbed/paths.js';
import { migrations } from './migrations.js';

const pollMs = 50;
const program = projectFile('build/bundle/cli/portkey.mjs');

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCommand {
  /** Does nothing where the command has ended. */
  signal(name: NodeJS.Signals): void;
  readonly ended: Promise<Outcome>;
  /** Resolves when it has printed such a line on stderr; throws where it ends without. */
  untilSaid(what: RegExp): Promise<void>;
}

export function startPortkey(
  args: readonly string[],
  { input = '', cwd }: { input?: string; cwd?: string } = {},
): RunningCommand {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['pipe', 'pipe', 'pipe'], cwd });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.end(input);
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ exitCode: code ?? 128, stdout, stderr }));
  });
  const untilSaid = async (what: RegExp): Promise<void> => {
    if (what.test(stderr)) return;
    for await (const text of on(child.stderr, 'data', { close: ['close'] }))
      if (text.length > 0 && what.test(stderr)) return;
    throw new Error(`nothing like ${String(what)} in: ${stderr}`);
  };
  return { signal: (name) => child.kill(name), ended, untilSaid };
}

export const portkey = (...args: string[]): Promise<Outcome> => startPortkey(args).ended;

/** Runs a command that must succeed, and returns its stdout. */
export async function portkeyOk(...args: string[]): Promise<string> {
  const outcome = await portkey(...args);
  if (outcome.exitCode !== 0) {
    throw new Error(
      `portkey ${args.join(' ')} ended with ${outcome.exitCode}: ${outcome.stderr}${outcome.stdout}`,
    );
  }
  return outcome.stdout;
}

/** The one JSON document that a command prints. */
export async function portkeyJson<T>(...args: string[]): Promise<T> {
  return JSON.parse(await portkeyOk('--json', ...args)) as T;
}

/** What a shell command prints in a guest. Throws where the guest does not answer in time, or the command fails. */
export function inGuest(vm: string, command: string, deadlineMs = 60_000): Promise<string> {
  return printedBy(vm, command, deadlineMs, (words, options) => exec(vm, words, options));
}

/** The same, by another way into the guest. */
export async function printedBy(
  vm: string,
  command: string,
  deadlineMs: number,
  execute: (words: readonly string[], options: ExecOptions) => Promise<number>,
): Promise<string> {
  const [stdout, stderr] = [collector(), collector()];
  const streams = { stdout: stdout.stream, stderr: stderr.stream, deadlineMs };
  const exitCode = await execute(['sh', '-c', command], streams);
  if (exitCode !== 0) throw new Error(`${vm}: '${command}' ended with ${exitCode}: ${stderr.text()}`);
  return stdout.text();
}

/** The contract's record of one migration, as far as the tests look at it. */
export interface MigrationReport {
  readonly id: string;
  readonly mode: 'portkey' | 'criu';
  readonly outcome: string;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly verified: boolean | null;
  readonly connectionKept: boolean | null;
  readonly clientPauseSeconds: number | null;
  readonly totalSeconds: number;
  readonly downtimeSeconds: number;
  readonly memoryBytes: number;
  readonly pagesSent: number;
  readonly zeroPages: number | null;
  readonly hypercalls: number;
  readonly finalDump: { readonly criuPages: number; readonly parentPages: number } | null;
  readonly landed: { readonly pages: number } | null;
  readonly pageDigest: {
    readonly alike: boolean;
    readonly pages: number;
    readonly sharedPages: number;
    readonly seconds: number;
    readonly source: { readonly cpuSeconds: number };
    readonly destination: { readonly cpuSeconds: number };
  } | null;
  readonly rounds: readonly { readonly pages: number; readonly pagesMoved: number }[];
  readonly guestCpuSeconds: Record<
    'source' | 'destination',
    { readonly agent: number; readonly programs: number } | null
  >;
  readonly cpuSeconds: Record<
    'source' | 'destination',
    { readonly total: number; readonly transfer: number }
  >;
}

export async function migrate(
  name: string,
  to: string,
  mode: string,
  ...options: string[]
): Promise<MigrationReport> {
  return portkeyJson<MigrationReport>('migrate', name, '--to', to, '--mode', mode, ...options);
}

/** Waits until the newest migration is in one of the states, before its command has ended; returns its id. */
export async function untilState(states: readonly string[], ended: Promise<Outcome>): Promise<string> {
  const command = { outcome: undefined as Outcome | undefined };
  void ended.then((outcome) => (command.outcome = outcome));
  const seen = new Set<string>();
  while (command.outcome === undefined) {
    const [newest] = await migrations();
    if (newest !== undefined) seen.add(newest.state);
    if (newest !== undefined && states.includes(newest.state)) return newest.id;
    await delay(pollMs);
  }
  const { stdout, stderr } = command.outcome;
  throw new Error(`no ${states.join(', ')} among ${[...seen].join(', ')}: ${stderr}${stdout}`);
}
