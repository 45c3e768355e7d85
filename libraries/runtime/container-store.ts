/**
 * The containers of a VM on disk: `<root>/<name>/` with spec.json, runc's bundle (config.json), criu.conf, and
 * `claim.json` while a migration has the container.
 *
 * Goal: both agents, and an agent that comes back after a crash, see the same containers and the same claims.
 * Invariant: at most one claim per container, because a claim is a file made with O_EXCL. A claim outlives the
 * agent that made it; the migration's end (Finish, Rollback, Activate, Discard) takes it away.
 * The root is on tmpfs: a VM that reboots has no containers either.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { PortkeyError } from '../errors/index.js';
import type { ContainerSpec } from '../rpc/index.js';

export interface Claim {
  readonly migrationId: string;
  readonly epoch: number;
  readonly role: 'source' | 'destination';
}

const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/;

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
    return (await readdir(this.root).catch(() => [])).sort();
  }

  /**
   * With a claim, the container never exists without it: a crash half-way leaves what its migration can discard.
   * Throws `container-exists`.
   */
  async create(spec: ContainerSpec, claim?: Claim): Promise<void> {
    await mkdir(this.root, { recursive: true, mode: 0o711 });
    await mkdir(this.folder(spec.name)).catch((cause: unknown) => {
      throw new PortkeyError(
        'container-exists',
        `a container '${spec.name}' exists here already; stop it or take another name`,
        { cause },
      );
    });
    if (claim !== undefined) await this.claim(spec.name, claim);
    await writeFile(path.join(this.folder(spec.name), 'spec.json'), JSON.stringify(spec));
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

  async remove(name: string): Promise<void> {
    await rm(this.folder(name), { recursive: true, force: true });
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

  private claimFile(name: string): string {
    return path.join(this.folder(name), 'claim.json');
  }
}
