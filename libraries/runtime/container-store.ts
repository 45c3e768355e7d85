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
 * A migration that has ended here claims nothing any more (ended-migrations.ts).
 * What ends a migration needs no room, because it may be the migration that has filled the file system, and the
 * container stands frozen until that is undone: an epoch is raised in place (claim-file.ts), all that is to be noted has its
 * file as soon as there is the claim, which only gets another name, and a folder that is removed does, too (in-place.ts).
 * Limits: what a dead agent left aside stays, a few small files. Calls that raise an epoch wait for each other within
 * one agent only; the two agents of a VM never have the same container. The root is on tmpfs: a VM that reboots has
 * no containers either. Its files are small, too, and read at once: an emulated guest feels each trip through Node's
 * thread pool, of which an asynchronous read takes four.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { link, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { PortkeyError } from '../errors/index.js';
import { errorCodeOf } from '../libc/index.js';
import { KeyedQueue } from '../process/index.js';
import type { ContainerSpec } from '../rpc/index.js';
import { decodeClaim, encodeClaim, raiseEpoch, type Claim } from './claim-file.js';
import { EndedMigrations } from './ended-migrations.js';
import { overwrite, reserve } from './in-place.js';

/** How far a container that arrives here has come: it is there, whole; it may run. */
export type ArrivalStage = (typeof arrivalStages)[number];

const arrivalStages = ['restored', 'activated'] as const;
/** Longer than any count of tasks. */
const stageNoteLength = 16;
const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/;
const claimName = 'claim.json';

export class ContainerStore {
  private readonly turns = new KeyedQueue();
  private readonly ended: EndedMigrations;

  /** `ended`: the folder of the migrations that have ended here. */
  constructor(
    readonly root = '/run/portkey/containers',
    ended = '/run/portkey/ended',
  ) {
    this.ended = new EndedMigrations(ended);
  }

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
    if (claim === undefined) {
      await this.createFolder(spec, () => undefined);
      return;
    }
    await this.ended.withRoomFor(claim.migrationId, () =>
      this.createFolder(spec, (folder) => {
        writeFileSync(path.join(folder, claimName), encodeClaim(claim));
        for (const stage of arrivalStages) reserve(path.join(folder, reservedName(stage)), stageNoteLength);
      }),
    );
  }

  private async createFolder(spec: ContainerSpec, fill: (folder: string) => void): Promise<void> {
    const folder = this.folder(spec.name);
    await this.aside(async (aside) => {
      const made = path.join(aside, spec.name);
      await mkdir(made);
      await writeFile(path.join(made, 'spec.json'), JSON.stringify(spec));
      fill(made);
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
    const migrationId = this.claimOf(name)?.migrationId;
    const removed = path.join(this.root, `.removed-${name}`);
    await rm(removed, { recursive: true, force: true });
    await rename(folder, removed).catch((cause: unknown) => {
      if (errorCodeOf(cause) !== 'ENOENT') throw cause;
    });
    await rm(removed, { recursive: true, force: true });
    if (migrationId !== undefined) this.ended.giveBack(migrationId);
  }

  /**
   * Claiming again for the same migration is fine, and raises the epoch if it is higher. Throws `container-busy` where
   * another migration has it, and `stale-epoch`, also where the migration has ended.
   */
  claim(name: string, claim: Claim): Promise<void> {
    return this.turns.run(name, async () => {
      await this.ended.withRoomFor(claim.migrationId, async () => {
        if (await this.linkClaim(name, claim)) return;
        const holder = this.claimOf(name);
        if (holder?.migrationId === claim.migrationId) {
          this.raise(name, holder, claim.epoch);
          return;
        }
        throw new PortkeyError(
          'container-busy',
          `container '${name}' is being migrated (${holder?.migrationId ?? 'unknown'}); wait for it or cancel it`,
        );
      });
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
    return this.turns.run(name, () => {
      const holder = this.claimOf(name);
      const claim = holder?.migrationId === migrationId ? this.raise(name, holder, epoch) : undefined;
      return Promise.resolve(claim);
    });
  }

  claimOf(name: string): Claim | undefined {
    const text = readIfThere(this.claimFile(name));
    return text === undefined ? undefined : decodeClaim(text);
  }

  /**
   * Notes a stage, and `note` with it, at once. It stays noted for as long as the container is here: it arrives once, and
   * the first note counts.
   */
  reach(name: string, stage: ArrivalStage, note = ''): void {
    if (this.hasReached(name, stage)) return;
    const reserved = path.join(this.folder(name), reservedName(stage));
    if (!existsSync(reserved)) reserve(reserved, stageNoteLength);
    overwrite(reserved, note.padEnd(stageNoteLength));
    renameSync(reserved, path.join(this.folder(name), stage));
  }

  /** Undefined where it has not been reached. */
  noteOf(name: string, stage: ArrivalStage): string | undefined {
    return readIfThere(path.join(this.folder(name), stage))?.trimEnd();
  }

  hasReached(name: string, stage: ArrivalStage): boolean {
    return existsSync(path.join(this.folder(name), stage));
  }

  /** From here on the migration claims nothing here. What it has claimed is to be released after that. */
  end(migrationId: string): void {
    this.ended.add(migrationId);
  }

  hasEnded(migrationId: string): boolean {
    return this.ended.has(migrationId);
  }

  async release(name: string): Promise<void> {
    await rm(this.claimFile(name), { force: true });
  }

  /** False where there is one. */
  private async linkClaim(name: string, claim: Claim): Promise<boolean> {
    let linked = true;
    await this.aside(async (aside) => {
      await writeFile(path.join(aside, claimName), encodeClaim(claim));
      await link(path.join(aside, claimName), this.claimFile(name)).catch((cause: unknown) => {
        if (errorCodeOf(cause) !== 'EEXIST') throw cause;
        linked = false;
      });
    });
    return linked;
  }

  private raise(name: string, holder: Claim, epoch: number): Claim {
    if (epoch === holder.epoch) return holder;
    if (epoch < holder.epoch) {
      throw new PortkeyError(
        'stale-epoch',
        `another run of the controller has taken over migration ${holder.migrationId} of container '${name}' (epoch ${holder.epoch}, not ${epoch}); leave it to that one`,
      );
    }
    raiseEpoch(this.claimFile(name), epoch);
    return { ...holder, epoch };
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

const reservedName = (stage: ArrivalStage): string => `${stage}.reserved`;

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
