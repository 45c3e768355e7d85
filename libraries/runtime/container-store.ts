/**
 * The containers of a VM on disk: `<root>/<name>/` with spec.json, runc's bundle (config.json), criu.conf, and
 * `claim.json` while a migration has the container.
 *
 * Goal: both agents, and an agent that comes back after a crash, see the same containers and the same claims.
 * Invariants: a container's folder has its spec, and the claim that it was made with, for as long as it has its name,
 * because it is made, and removed, aside and renamed: an agent that dies in between leaves a name either free or
 * whole. At most one claim per container, because a claim is a file made with O_EXCL. A claim outlives the agent that
 * made it; the migration's end (Finish, Rollback, Release, Discard) takes it away.
 * Limits: what a dead agent left aside stays, a few small files. The root is on tmpfs: a VM that reboots has no
 * containers either.
 */
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { PortkeyError } from '../errors/index.js';
import { errorCodeOf } from '../libc/index.js';
import type { ContainerSpec } from '../rpc/index.js';

export interface Claim {
  readonly migrationId: string;
  readonly epoch: number;
  readonly role: 'source' | 'destination';
}

const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/;
const claimName = 'claim.json';

export class ContainerStore {
  constructor(private readonly root = '/run/portkey/containers') {}

  /** Throws `invalid-argument` for a name that cannot be a folder, a hostname and a network namespace. */
  folder(name: string): string {
    if (!namePattern.test(name)) {
      throw new PortkeyError(
        'invalid-argument',
        `'${name}' cannot name a container; use up to 63 of a-z A-Z 0-9 _ . -`,
      );
    }
    return path.join(this.root, name);
  }

  rootfs = (name: string): string => path.join(this.folder(name), 'rootfs');
  criuConfig = (name: string): string => path.join(this.folder(name), 'criu.conf');

  async names(): Promise<string[]> {
    const entries = await readdir(this.root).catch(() => []);
    return entries.filter((name) => namePattern.test(name)).sort();
  }

  /** With a claim, the container never exists without it. Throws `container-exists`. */
  async create(spec: ContainerSpec, claim?: Claim): Promise<void> {
    const folder = this.folder(spec.name);
    await this.aside(async (aside) => {
      const made = path.join(aside, spec.name);
      await mkdir(made);
      await writeFile(path.join(made, 'spec.json'), JSON.stringify(spec));
      if (claim !== undefined) await writeFile(path.join(made, claimName), JSON.stringify(claim));
      await rename(made, folder).catch((cause: unknown) => {
        if (!['ENOTEMPTY', 'EEXIST'].includes(errorCodeOf(cause) ?? '')) throw cause;
        throw new PortkeyError(
          'container-exists',
          `a container '${spec.name}' exists here already; stop it or take another name`,
          { cause },
        );
      });
    });
  }

  /** Throws `container-unknown`. */
  async spec(name: string): Promise<ContainerSpec> {
    const text = await readFile(path.join(this.folder(name), 'spec.json'), 'utf8').catch((cause: unknown) => {
      throw new PortkeyError('container-unknown', `no container '${name}' in this VM; see: portkey ps`, {
        cause,
      });
    });
    return JSON.parse(text) as ContainerSpec;
  }

  /** One that is not there is fine. */
  async remove(name: string): Promise<void> {
    const folder = this.folder(name);
    await this.aside((aside) =>
      rename(folder, path.join(aside, name)).catch((cause: unknown) => {
        if (errorCodeOf(cause) !== 'ENOENT') throw cause;
      }),
    );
  }

  /** Throws `container-busy` where another migration has it. Claiming twice for the same migration is fine. */
  async claim(name: string, claim: Claim): Promise<void> {
    try {
      await writeFile(this.claimFile(name), JSON.stringify(claim), { flag: 'wx' });
    } catch (cause) {
      const holder = await this.claimOf(name);
      if (holder?.migrationId === claim.migrationId) return;
      throw new PortkeyError(
        'container-busy',
        `container '${name}' is being migrated (${holder?.migrationId ?? 'unknown'}); wait for it or cancel it`,
        { cause },
      );
    }
  }

  async claimOf(name: string): Promise<Claim | undefined> {
    const text = await readFile(this.claimFile(name), 'utf8').catch(() => undefined);
    return text === undefined ? undefined : (JSON.parse(text) as Claim);
  }

  /** True where this migration, and no other, has the container. */
  async isClaimedBy(name: string, migrationId: string): Promise<boolean> {
    return (await this.claimOf(name))?.migrationId === migrationId;
  }

  async release(name: string): Promise<void> {
    await rm(this.claimFile(name), { force: true });
  }

  /** Gives `work` a folder beside the containers' own, and removes it with what is left in it. */
  private async aside(work: (folder: string) => Promise<void>): Promise<void> {
    await mkdir(this.root, { recursive: true, mode: 0o711 });
    const folder = await mkdtemp(path.join(this.root, '.aside-'));
    try {
      await work(folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  private claimFile(name: string): string {
    return path.join(this.folder(name), claimName);
  }
}
