/**
 * runc's command line, as far as a migration needs it (runc 1.1; man runc-checkpoint, runc-restore).
 *
 * Every call but a dump has a time limit; a call that fails throws with the last line of runc's or CRIU's log, or says how
 * much room there is for a log where both are empty.
 * Plain `runc checkpoint` kills the source as soon as the dump ends, so it is never used without
 * --leave-running.
 */
import { readFile, statfs } from 'node:fs/promises';
import path from 'node:path';

import { z } from 'zod';

import { PortkeyError, type ErrorCode } from '../errors/index.js';
import type { CommandResult, RunCommand } from '../process/index.js';
import { formatBytes } from '../units/index.js';

const timeoutMs = 120_000;
/** A dump is never killed, it would leave CRIU's parasite in the tasks; a restore takes as long as its pages. */
const checkpointTimeoutMs = 2 ** 31 - 1;
const restoreTimeoutMs = 3_600_000;

const listing = z.array(z.object({ id: z.string(), pid: z.number(), status: z.string() })).nullable();

export interface RuncContainer {
  readonly name: string;
  readonly pid: number;
  readonly state: string;
}

export interface CheckpointOptions {
  readonly name: string;
  readonly images: string;
  readonly work: string;
  /** Folder of the parent's images, relative to `images`. */
  readonly parent?: string | undefined;
  readonly pageServer?: { readonly address: string; readonly port: number } | undefined;
  readonly preDump?: boolean;
  /** CRIU's configuration before runc's own wishes (man criu, CRIU_CONFIG_FILE). */
  readonly criuDefaults?: string | undefined;
  readonly onStart?: (pid: number) => void;
}

export interface RestoreOptions {
  readonly name: string;
  readonly images: string;
  readonly work: string;
  readonly bundle: string;
  readonly onStart?: (pid: number) => void;
}

interface Invocation {
  readonly code: ErrorCode;
  readonly purpose: string;
  readonly args: readonly string[];
  readonly criuLog?: string;
  readonly timeoutMs?: number;
  /** For a call that leaves a container running, which inherits runc's stdio: runc's messages go to this file. */
  readonly leavesContainerWithLog?: string;
  readonly criuDefaults?: string | undefined;
  readonly onStart?: ((pid: number) => void) | undefined;
}

/** What each container may need of CRIU, the same at dump and restore. */
const criuFlags = ['--tcp-established', '--file-locks', '--ext-unix-sk'];

export class Runc {
  constructor(private readonly run: RunCommand) {}

  async list(): Promise<RuncContainer[]> {
    const args = ['list', '--format', 'json'];
    const result = await this.invoke({ code: 'runtime-failed', purpose: 'list containers', args });
    const containers = listing.parse(JSON.parse(result.stdout)) ?? [];
    return containers.map(({ id, pid, status }) => ({ name: id, pid, state: status }));
  }

  async find(name: string): Promise<RuncContainer | undefined> {
    return (await this.list()).find((container) => container.name === name);
  }

  async start(name: string, bundle: string): Promise<void> {
    await this.invoke({
      code: 'runtime-failed',
      purpose: `run container '${name}'`,
      args: ['run', '--detach', '--bundle', bundle, name],
      leavesContainerWithLog: path.join(bundle, 'runc.log'),
    });
  }

  async checkpoint(options: CheckpointOptions): Promise<void> {
    const { name, images, work, parent, pageServer, preDump, criuDefaults, onStart } = options;
    const args = ['checkpoint', ...criuFlags, '--image-path', images, '--work-path', work];
    args.push(preDump === true ? '--pre-dump' : '--leave-running');
    if (parent !== undefined) args.push('--parent-path', parent);
    if (pageServer !== undefined) args.push('--page-server', `${pageServer.address}:${pageServer.port}`);
    await this.invoke({
      code: 'dump-failed',
      purpose: `dump container '${name}'`,
      args: [...args, name],
      criuLog: path.join(work, 'dump.log'),
      timeoutMs: checkpointTimeoutMs,
      criuDefaults,
      onStart,
    });
  }

  async restore({ name, images, work, bundle, onStart }: RestoreOptions): Promise<void> {
    const folders = ['--image-path', images, '--work-path', work, '--bundle', bundle];
    await this.invoke({
      code: 'restore-failed',
      purpose: `restore container '${name}'`,
      args: ['restore', '--detach', ...criuFlags, ...folders, name],
      criuLog: path.join(work, 'restore.log'),
      timeoutMs: restoreTimeoutMs,
      leavesContainerWithLog: path.join(work, 'runc.log'),
      onStart,
    });
  }

  /** Kills every task and removes the container, frozen or not; one that is not there is fine. */
  async destroy(name: string): Promise<void> {
    const result = await this.run(['runc', 'delete', '--force', name], { timeoutMs });
    if (result.exitCode !== 0 && (await this.find(name)) !== undefined)
      throw failure('runtime-failed', `remove container '${name}'`, result, '');
  }

  private async invoke(invocation: Invocation): Promise<CommandResult> {
    const {
      code,
      purpose,
      args,
      criuLog,
      leavesContainerWithLog: runcLog,
      criuDefaults,
      onStart,
    } = invocation;
    const result = await this.run(['runc', ...(runcLog === undefined ? [] : ['--log', runcLog]), ...args], {
      timeoutMs: invocation.timeoutMs ?? timeoutMs,
      leavesProcess: runcLog !== undefined,
      ...(criuDefaults === undefined ? {} : { env: { ...process.env, CRIU_CONFIG_FILE: criuDefaults } }),
      ...(onStart === undefined ? {} : { onStart }),
    });
    if (result.exitCode === 0) return result;
    const stderr = runcLog === undefined ? result.stderr : (await readOrEmpty(runcLog)) + result.stderr;
    const criuMessages = criuLog === undefined ? '' : await readOrEmpty(criuLog);
    const logFile = criuLog ?? runcLog;
    const silent = stderr.trim() === '' && criuMessages.trim() === '' && logFile !== undefined;
    throw failure(
      code,
      purpose,
      { ...result, stderr: silent ? await silence(result, logFile) : stderr },
      criuMessages,
    );
  }
}

const readOrEmpty = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');

async function silence({ exitCode }: CommandResult, logFile: string): Promise<string> {
  const folder = path.dirname(logFile);
  const room = await statfs(folder).then(
    ({ bavail, bsize }) => `${formatBytes(bavail * bsize)} are free there`,
    (error: unknown) => String(error),
  );
  return `it ended with ${exitCode} and wrote nothing to its log in ${folder}; ${room}`;
}

/** CRIU's first start tries what the kernel can do, and logs what it cannot as an error. */
const probing = '(criu/tun.c:';

function failure(code: ErrorCode, purpose: string, result: CommandResult, criuLog: string): PortkeyError {
  const criuError = criuLog
    .split('\n')
    .find((line) => line.includes('Error') && !line.includes(probing))
    ?.replace(/^\([\d.]+\)\s*(\d+:\s*)?/, '')
    .trim();
  const runcError = result.stderr.trim().split('\n').at(-1) ?? '';
  const reason = criuError ?? runcMessage(runcError);
  const details = [result.stderr.trim(), ...criuLog.trim().split('\n').slice(-30)].join('\n');
  return new PortkeyError(code, `runc could not ${purpose}: ${reason}`, { details });
}

/** runc logs as `time="…" level=error msg="…"`. */
function runcMessage(line: string): string {
  return /msg="((?:[^"\\]|\\.)*)"/.exec(line)?.[1]?.replaceAll('\\"', '"') ?? line;
}
