/**
 * The containers of a VM on disk: `<root>/<name>/` with spec.json, runc's bundle (config.json), criu.conf,
 * `claim.json` while a migration has the container, and small files that say how far it has come in its arrival here.
 *
 * Goal: both agents, and an agent that comes back after a crash, see the same containers and the same claims.
 * Invariants: a container's folder has its spec, and the claim that it was made with, for as long as it has its name,
 * because it is made, and removed, aside and renamed: an agent that dies in between leaves a name either free or
 * whole. At most one claim per container, because a claim is linked into its place and links replace nothing. A claim
 * outlives the agent that made it; the migration's end (Finish, Rollback, Release, Discard) takes it away. Its epoch
 * never falls: a controller that takes a migration over counts it up, and its first call here ends what its
 * predecessor may still ask for.
 * A migration that has ended here claims nothing any more: a call of it may have been on its way for long, and nobody would
 * take its claim away again. The last `keptEnded` of those are remembered, in a folder of their own.
 * Limits: what a dead agent left aside stays, a few small files. Calls that raise an epoch wait for each other within
 * one agent only; the two agents of a VM never have the same container. The root is on tmpfs: a VM that reboots has
 * no containers either. Its files are small, too, and read at once: an emulated guest feels each trip through Node's
 * thread pool, of which an asynchronous read takes four.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { link, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { PortkeyError } from '../errors/index.js';
import { errorCodeOf } from '../libc/index.js';
import { KeyedQueue } from '../process/index.js';
import type { ContainerSpec } from '../rpc/index.js';

/** How far a container that arrives here has come: it is there, whole; it may run. */
export type ArrivalStage = 'restored' | 'activated';

export interface Claim {
  readonly migrationId: string;
  readonly epoch: number;
  readonly role: 'source' | 'destination';
  /** At the destination: the VM that the container comes from. */
  readonly sourceVm?: string;
  /** At the destination: what the source has said that the container has, in memory and besides. */
  readonly expectedBytes?: number;
}

const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/;
const claimName = 'claim.json';
/** No call is on its way for as long as so many migrations take. */
const keptEnded = 1_000;

export class ContainerStore {
  private readonly turns = new KeyedQueue();

  /** `ended`: the migrations that have ended here, a file each. */
  constructor(
    readonly root = '/run/portkey/containers',
    private readonly ended = '/run/portkey/ended',
  ) {}

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
  criuDefaults = (name: string): string => path.join(this.folder(name), 'criu-defaults.conf');

  async names(): Promise<string[]> {
    const entries = await readdir(this.root).catch(() => []);
    return entries.filter((name) => namePattern.test(name)).sort();
  }

  /** With a claim, the container never exists without it. Throws `container-exists`, and `stale-epoch` as `claim`. */
  async create(spec: ContainerSpec, claim?: Claim): Promise<void> {
    const folder = this.folder(spec.name);
    if (claim !== undefined) this.requireNotEnded(claim.migrationId);
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
  spec(name: string): ContainerSpec {
    const spec = this.find(name);
    if (spec !== undefined) return spec;
    throw new PortkeyError('container-unknown', `no container '${name}' in this VM; see: portkey ps`);
  }

  find(name: string): ContainerSpec | undefined {
    const text = readIfThere(path.join(this.folder(name), 'spec.json'));
    return text === undefined ? undefined : (JSON.parse(text) as ContainerSpec);
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

  /**
   * Claiming again for the same migration is fine, and raises the epoch if it is higher. Throws `container-busy` where
   * another migration has it, and `stale-epoch`, also where the migration has ended.
   */
  claim(name: string, claim: Claim): Promise<void> {
    return this.turns.run(name, async () => {
      this.requireNotEnded(claim.migrationId);
      if (await this.linkClaim(name, claim)) return;
      const holder = this.claimOf(name);
      if (holder?.migrationId === claim.migrationId) {
        await this.raise(name, holder, claim.epoch);
        return;
      }
      throw new PortkeyError(
        'container-busy',
        `container '${name}' is being migrated (${holder?.migrationId ?? 'unknown'}); wait for it or cancel it`,
      );
    });
  }

  /**
   * The container's claim where this migration has it, and in this epoch from now on; undefined where another one has
   * it, or none. Throws `stale-epoch` where the claim's is higher.
   */
  held(
    name: string,
    { migrationId, epoch }: Pick<Claim, 'migrationId' | 'epoch'>,
  ): Promise<Claim | undefined> {
    return this.turns.run(name, async () => {
      const holder = this.claimOf(name);
      return holder?.migrationId === migrationId ? this.raise(name, holder, epoch) : undefined;
    });
  }

  claimOf(name: string): Claim | undefined {
    const text = readIfThere(this.claimFile(name));
    return text === undefined ? undefined : (JSON.parse(text) as Claim);
  }

  /** Notes a stage, and `note` with it. It stays noted for as long as the container is here: it arrives once. */
  reach(name: string, stage: ArrivalStage, note = ''): void {
    writeFileSync(path.join(this.folder(name), stage), note);
  }

  /** Undefined where it has not been reached. */
  noteOf(name: string, stage: ArrivalStage): string | undefined {
    return readIfThere(path.join(this.folder(name), stage));
  }

  hasReached(name: string, stage: ArrivalStage): boolean {
    return existsSync(path.join(this.folder(name), stage));
  }

  /** From here on the migration claims nothing here. What it has claimed is to be released after that. */
  end(migrationId: string): void {
    mkdirSync(this.ended, { recursive: true });
    writeFileSync(this.endedFile(migrationId), '');
    const ended = readdirSync(this.ended);
    if (ended.length <= keptEnded) return;
    const age = new Map(ended.map((name) => [name, statSync(path.join(this.ended, name)).mtimeMs]));
    ended.sort((a, b) => (age.get(a) ?? 0) - (age.get(b) ?? 0));
    for (const name of ended.slice(0, -keptEnded / 2)) rmSync(path.join(this.ended, name), { force: true });
  }

  async release(name: string): Promise<void> {
    await rm(this.claimFile(name), { force: true });
  }

  private requireNotEnded(migrationId: string): void {
    if (!existsSync(this.endedFile(migrationId))) return;
    throw new PortkeyError(
      'stale-epoch',
      `migration ${migrationId} has ended here already; this call of it came too late, and changes nothing`,
    );
  }

  /** Ids come from the controller, but a name with a slash would be a path. */
  private endedFile(migrationId: string): string {
    return path.join(this.ended, encodeURIComponent(migrationId));
  }

  /** False where there is one. */
  private async linkClaim(name: string, claim: Claim): Promise<boolean> {
    let linked = true;
    await this.aside(async (aside) => {
      await writeFile(path.join(aside, claimName), JSON.stringify(claim));
      await link(path.join(aside, claimName), this.claimFile(name)).catch((cause: unknown) => {
        if (errorCodeOf(cause) !== 'EEXIST') throw cause;
        linked = false;
      });
    });
    return linked;
  }

  private async raise(name: string, holder: Claim, epoch: number): Promise<Claim> {
    if (epoch === holder.epoch) return holder;
    if (epoch < holder.epoch) {
      throw new PortkeyError(
        'stale-epoch',
        `another run of the controller has taken over migration ${holder.migrationId} of container '${name}' (epoch ${holder.epoch}, not ${epoch}); leave it to that one`,
      );
    }
    const claim = { ...holder, epoch };
    await this.aside(async (aside) => {
      await writeFile(path.join(aside, claimName), JSON.stringify(claim));
      await rename(path.join(aside, claimName), this.claimFile(name));
    });
    return claim;
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

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
