/**
 * runc's command line, as far as a migration needs it (runc 1.1; man runc-checkpoint, runc-restore).
 *
 * Every call has a time limit; a call that fails throws with the last line of runc's or CRIU's log.
 * Plain `runc checkpoint` kills the source as soon as the dump ends, so it is never used without
 * --leave-running.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { z } from 'zod';

import { PortkeyError, type ErrorCode } from '../errors/index.js';
import type { CommandResult, RunCommand } from '../process/index.js';

const timeoutMs = 120_000;

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
  readonly onStart?: (pid: number) => void;
}

export interface RestoreOptions {
  readonly name: string;
  readonly images: string;
  readonly work: string;
  readonly bundle: string;
  readonly onStart?: (pid: number) => void;
}

/** What each container may need of CRIU, the same at dump and restore. */
const criuFlags = ['--tcp-established', '--file-locks', '--ext-unix-sk'];

export class Runc {
  constructor(private readonly run: RunCommand) {}

  async list(): Promise<RuncContainer[]> {
    const result = await this.invoke('runtime-failed', 'list containers', ['list', '--format', 'json']);
    const containers = listing.parse(JSON.parse(result.stdout)) ?? [];
    return containers.map(({ id, pid, status }) => ({ name: id, pid, state: status }));
  }

  async find(name: string): Promise<RuncContainer | undefined> {
    return (await this.list()).find((container) => container.name === name);
  }

  async start(name: string, bundle: string): Promise<void> {
    await this.invoke('runtime-failed', `run container '${name}'`, [
      'run',
      '--detach',
      '--bundle',
      bundle,
      name,
    ]);
  }

  async checkpoint(options: CheckpointOptions): Promise<void> {
    const { name, images, work, parent, pageServer, preDump, onStart } = options;
    const args = ['checkpoint', ...criuFlags, '--image-path', images, '--work-path', work];
    args.push(preDump === true ? '--pre-dump' : '--leave-running');
    if (parent !== undefined) args.push('--parent-path', parent);
    if (pageServer !== undefined) args.push('--page-server', `${pageServer.address}:${pageServer.port}`);
    await this.invoke(
      'dump-failed',
      `dump container '${name}'`,
      [...args, name],
      path.join(work, 'dump.log'),
      onStart,
    );
  }

  async restore({ name, images, work, bundle, onStart }: RestoreOptions): Promise<void> {
    const args = [
      'restore',
      '--detach',
      ...criuFlags,
      '--image-path',
      images,
      '--work-path',
      work,
      '--bundle',
      bundle,
      name,
    ];
    await this.invoke(
      'restore-failed',
      `restore container '${name}'`,
      args,
      path.join(work, 'restore.log'),
      onStart,
    );
  }

  /** Kills every task and removes the container, frozen or not; one that is not there is fine. */
  async destroy(name: string): Promise<void> {
    const result = await this.run(['runc', 'delete', '--force', name], { timeoutMs });
    if (result.exitCode !== 0 && (await this.find(name)) !== undefined)
      throw failure('runtime-failed', `remove container '${name}'`, result, '');
  }

  private async invoke(
    code: ErrorCode,
    purpose: string,
    args: readonly string[],
    criuLog?: string,
    onStart?: (pid: number) => void,
  ): Promise<CommandResult> {
    const result = await this.run(['runc', ...args], {
      timeoutMs,
      ...(onStart === undefined ? {} : { onStart }),
    });
    if (result.exitCode === 0) return result;
    const log = criuLog === undefined ? '' : await readFile(criuLog, 'utf8').catch(() => '');
    throw failure(code, purpose, result, log);
  }
}

function failure(code: ErrorCode, purpose: string, result: CommandResult, criuLog: string): PortkeyError {
  const criuError = criuLog
    .split('\n')
    .find((line) => line.includes('Error'))
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
