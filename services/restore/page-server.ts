/**
 * CRIU mode: `criu page-server`, one process per dump, images on a tmpfs of their migration.
 *
 *     images/<migration>            the tmpfs: `prepare` ──▶ `remove`
 *     images/<migration>/0, 1, … , final      each with a link `parent` to the one before
 *     images/<migration>/0.pid, …             their processes: beside the folders, because the source names files in those
 *
 * A page server serves one dump and ends. --daemon makes the command return once the server listens. Older rounds
 * are thinned out as newer ones arrive (--auto-dedup), so that the images take about the container's memory.
 *
 * Whoever connects first sends what it likes, for as long as it likes, into this VM's memory, and no agent looks on. So the
 * kernel bounds it, also where the agent was killed: at the tmpfs's size CRIU gets ENOSPC and ends, and the dump with it.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, symlink } from 'node:fs/promises';
import path from 'node:path';

import { PortkeyError } from '../../libraries/errors/index.js';
import { killGroup, type RunCommand } from '../../libraries/process/index.js';
import type { PageServer } from '../../libraries/rpc/index.js';

export interface PageServerParts {
  readonly run: RunCommand;
  /** The VM's own address. */
  readonly address: string;
  readonly root: string;
  readonly mountTmpfs: (target: string, maxBytes: number) => void;
  readonly detachMount: (target: string) => void;
  /** A number in [0, 1). */
  readonly random: () => number;
}

const attempts = 5;

export class PageServers {
  constructor(private readonly parts: PageServerParts) {}

  folder(migrationId: string): string {
    return path.join(this.parts.root, migrationId);
  }

  /** The folder of the final dump, which is the one to restore from. */
  finalFolder(migrationId: string): string {
    return path.join(this.folder(migrationId), 'final');
  }

  /** Makes room for all images of a migration, and no more. Throws `command-failed`. */
  async prepare(migrationId: string, maxBytes: number): Promise<void> {
    await mkdir(this.parts.root, { recursive: true });
    const folder = this.folder(migrationId);
    // At once: what somebody puts there in between would be hidden by the mount, and not counted.
    mkdirSync(folder);
    this.parts.mountTmpfs(folder, maxBytes);
  }

  isPrepared(migrationId: string): boolean {
    return existsSync(this.folder(migrationId));
  }

  /** Starts the server for dump `index`; `last` for the final one. Throws `service-unavailable`. */
  async start(migrationId: string, index: number, last: boolean): Promise<PageServer> {
    const images = last ? this.finalFolder(migrationId) : path.join(this.folder(migrationId), String(index));
    await mkdir(images, { recursive: true });
    if (index > 0) await symlink(path.join('..', String(index - 1)), path.join(images, 'parent'));
    let reason = '';
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const port = 20_000 + Math.floor(this.parts.random() * 20_000);
      const result = await this.parts.run(
        ['criu', 'page-server', '--daemon', '--auto-dedup', '--address', this.parts.address, '--port', String(port),
          '--images-dir', images, '--log-file', 'page-server.log', '--pidfile', `${images}.pid`], // prettier-ignore
        { timeoutMs: 30_000 },
      );
      if (result.exitCode === 0) return { address: this.parts.address, port };
      reason = await readFile(path.join(images, 'page-server.log'), 'utf8').catch(() => result.stderr);
    }
    throw new PortkeyError(
      'service-unavailable',
      `criu page-server does not start: ${reason.trim().split('\n').at(-1) ?? ''}`,
      { details: reason },
    );
  }

  /** Ends what still runs of a migration and removes its images. */
  async remove(migrationId: string): Promise<void> {
    const folder = this.folder(migrationId);
    const names = await readdir(folder).catch(() => []);
    for (const name of names.filter((name) => name.endsWith('.pid'))) {
      const pid = Number(await readFile(path.join(folder, name), 'utf8').catch(() => '0'));
      const command = pid > 0 ? await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '') : '';
      if (command.startsWith('criu\0page-server')) killGroup(pid);
    }
    // One by one, and then the mount: what somebody still uses of it would keep its files otherwise.
    for (const name of names) await rm(path.join(folder, name), { recursive: true, force: true });
    this.parts.detachMount(folder);
    await rm(folder, { recursive: true, force: true });
  }
}
