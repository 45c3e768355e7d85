/**
 * The destination's side of one migration.
 *
 *     (none) ──prepare──▶ prepared ──restore──▶ restored (stopped) ──activate──▶ running ──release──▶ (a container)
 *                            │                       │
 *                            └───────discard─────────┴──▶ (none)
 *
 * Goal: the container exists here from `prepare` on, but no task of it runs and no packet reaches it before
 * `activate`, which only the controller may ask for, and only after the commit.
 * Invariants: the container's claim names the migration and its epoch from prepare to release, so that no other
 * migration, no stop and no controller that another has replaced touches it. State lies in the file system and in the
 * kernel only: an agent that was killed and came back can activate or discard as if it had never been away. The stages
 * `restored` and `activated` are noted, the one after and the other before it is so: nobody else can tell a copy that is
 * whole from one whose restore broke off, or one that may run from one that was never told to. Calls about one container
 * wait for each other: a discard that overtakes the prepare it undoes would find nothing to undo. But a restore at work is ended
 * for it, as nobody could wait for that.
 * Limits: a task that was stopped (state T) before the migration runs after it, because CRIU leaves all tasks
 * stopped and does not tell them apart.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { PortkeyError } from '../../libraries/errors/index.js';
import { secondsSince, type Clock } from '../../libraries/process/index.js';
import type {
  Identity,
  ImageChunk,
  ImagesReceived,
  MigrationRef,
  PageDigests,
  PageList,
  PrepareRequest,
  RestoreResult,
} from '../../libraries/rpc/index.js';
import {
  gratuitousArp,
  tasksOf,
  type ContainerHost,
  type ContainerStore,
  type Runc,
} from '../../libraries/runtime/index.js';
import { formatBytes } from '../../libraries/units/index.js';
import { announcedBytesFrom } from './image-admission.js';
import { ImageUploads, type ImagePlace } from './image-upload.js';
import { assembleLanding } from './landed/assemble-landing.js';
import { digestLanded } from './landed/digest-landed.js';
import { listPages } from './landed/landed-images.js';
import type { PageServers } from './page-server.js';

export interface ArrivalParts {
  readonly store: ContainerStore;
  readonly host: ContainerHost;
  readonly runc: Runc;
  readonly pageServers: PageServers;
  readonly clock: Clock;
  /** What the agent has used of its CPU so far. */
  readonly cpuSeconds: () => number;
  readonly share: string;
  readonly workRoot: string;
  readonly memoryAvailableBytes: () => Promise<number>;
  /** Sends a raw Ethernet frame from the VM's bridge. */
  readonly sendFrame: (frame: Buffer) => void;
  readonly signal: (pid: number, signal: NodeJS.Signals) => void;
}

/** Room for CRIU's and runc's own needs beside the container. In CRIU mode the images are in this VM's memory, too. */
const headroomBytes = 64 * 2 ** 20;

export class Arrivals {
  private readonly uploads = new ImageUploads();
  /** At images, by their migration: those that `giveUp` ends. */
  private readonly looks = new Map<string, Set<AbortController>>();

  constructor(private readonly parts: ArrivalParts) {}

  async prepare({ migration, mode, source, sourceVm }: PrepareRequest): Promise<void> {
    const { host, pageServers } = this.parts;
    if (migration === null || source?.spec == null)
      throw new PortkeyError('invalid-argument', 'Prepare needs migration and source');
    const { spec, memoryBytes, otherBytes } = source;
    requireSameName(migration, spec.name);
    const { migrationId, epoch } = migration;
    const expectedBytes = memoryBytes + otherBytes;
    const neededBytes = expectedBytes * (mode === 'MODE_CRIU' ? 2 : 1) + headroomBytes;
    await this.requireRoom(spec.name, neededBytes);
    await host.make(spec, { migrationId, epoch, role: 'destination', mode, sourceVm, expectedBytes });
    if (mode === 'MODE_CRIU') await pageServers.prepare(migrationId, neededBytes);
  }

  /** Which pages have landed. Throws `digest-mismatch` where images are not whole, and the signal's reason when it fires. */
  async listPages(migration: MigrationRef, landing: string, signal: AbortSignal): Promise<PageList> {
    return this.whileWanted(migration, signal, async (wanted) =>
      listPages(await this.images(migration, landing), wanted),
    );
  }

  /** Digests of all of them, as CRIU would read them. Throws `digest-mismatch`, and the signal's reason when it fires. */
  async digestPages(migration: MigrationRef, landing: string, signal: AbortSignal): Promise<PageDigests> {
    return this.whileWanted(migration, signal, async (wanted) =>
      digestLanded(this.parts, await this.images(migration, landing), wanted),
    );
  }

  /** Restores from the landing folder (Portkey mode) or from the page server's images (`landing` empty). */
  async restore(migration: MigrationRef, landing: string): Promise<RestoreResult> {
    const { store, runc, host, clock } = this.parts;
    const startMs = clock.monotonicMs();
    const { container, migrationId } = migration;
    await this.requireClaim(migration);
    const spec = store.spec(container);
    const images = await this.images(migration, landing);
    const tcp = spec.network === 'NETWORK_MODE_HOST' ? 'tcp-close\n' : '';
    await writeFile(store.criuConfig(container), `leave-stopped\n${tcp}`);
    const work = path.join(this.parts.workRoot, migrationId);
    await mkdir(work, { recursive: true });
    await host.restoring(spec, () => {
      const note = host.expectWorker(container);
      return runc.restore({
        name: container,
        images,
        work,
        bundle: store.folder(container),
        onStart: (pid) => {
          note(pid);
          // `giveUp` has come before there was a process that it could end.
          if (store.hasEnded(migrationId)) throw hasEndedHere(migrationId);
        },
      });
    });
    const tasks = tasksOf(container);
    const root = tasks.find((task) => task.namespacePid === 1);
    if (root === undefined)
      throw new PortkeyError(
        'restore-failed',
        `container '${container}' has no first process after its restore`,
      );
    store.reach(container, 'restored', String(tasks.length));
    await this.uploads.end(migrationId, 'its container is restored');
    return { pid: root.pid, taskCount: tasks.length, seconds: secondsSince(clock, startMs) };
  }

  /**
   * After the commit: the container may run. Returns the seconds until its first task did. Throws `destination-lost` where
   * it is not whole any more, and has not run; and where no task is left at all, in which case it may have.
   */
  async activate(migration: MigrationRef): Promise<number> {
    const { store, host, clock, signal, sendFrame } = this.parts;
    const startMs = clock.monotonicMs();
    await this.requireClaim(migration);
    const spec = store.spec(migration.container);
    const tasks = tasksOf(migration.container);
    this.requireWhole(migration.container, tasks.length);
    store.reach(migration.container, 'activated');
    host.network(spec).setLink(true);
    for (const task of tasks) signal(task.pid, 'SIGCONT');
    const seconds = secondsSince(clock, startMs);
    if (spec.network !== 'NETWORK_MODE_HOST') sendFrame(gratuitousArp(spec.mac, spec.ip.split('/')[0] ?? ''));
    return seconds;
  }

  async release(migration: MigrationRef): Promise<void> {
    const { store } = this.parts;
    const claim = await store.held(migration.container, migration);
    store.end(migration.migrationId);
    await this.removeFiles(migration.migrationId);
    if (claim !== undefined) await store.release(migration.container);
  }

  /**
   * For a Discard, before its turn: a digest or a restore that is under way, which takes as long as its pages, ends now. Throws
   * `stale-epoch` where the migration has been taken over by another controller than the caller.
   */
  async giveUp(migration: MigrationRef): Promise<void> {
    const { store, host } = this.parts;
    const { container, migrationId } = migration;
    if ((await store.held(container, migration))?.role !== 'destination') return;
    store.end(migrationId);
    for (const look of this.looks.get(migrationId) ?? []) look.abort(hasEndedHere(migrationId));
    host.endWorker(container);
  }

  async discard(migration: MigrationRef): Promise<void> {
    const { store, host } = this.parts;
    const claim = await store.held(migration.container, migration);
    store.end(migration.migrationId);
    if (claim !== undefined) {
      await host.remove(store.spec(migration.container));
    }
    await this.removeFiles(migration.migrationId);
  }

  /** CRIU mode: what the source's checkpoint service sends, until the copy is restored. Throws as ImageUploads and image-admission.ts do. */
  receiveImages(caller: Identity | undefined, chunks: AsyncIterable<ImageChunk>): Promise<ImagesReceived> {
    return this.uploads.receive(chunks, (migrationId) => this.imagePlace(caller, migrationId));
  }

  private async imagePlace(caller: Identity | undefined, migrationId: string): Promise<ImagePlace> {
    const { store, pageServers } = this.parts;
    const announcedBytes = await announcedBytesFrom(store, caller, migrationId);
    if (!pageServers.isPrepared(migrationId)) {
      throw new PortkeyError(
        'transition-refused',
        `migration ${migrationId} has no room for images here yet; send them once Prepare has ended`,
      );
    }
    const folder = pageServers.finalFolder(migrationId);
    await mkdir(folder, { recursive: true });
    return { folder, maxBytes: announcedBytes + headroomBytes };
  }

  /** `work` gets a signal that fires with `signal`, and when the migration is given up here. */
  private async whileWanted<T>(
    migration: MigrationRef,
    signal: AbortSignal,
    work: (wanted: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { migrationId } = migration;
    await this.requireClaim(migration);
    if (this.parts.store.hasEnded(migrationId)) throw hasEndedHere(migrationId);
    const look = new AbortController();
    const looks = this.looks.get(migrationId) ?? new Set();
    this.looks.set(migrationId, looks.add(look));
    try {
      return await work(AbortSignal.any([signal, look.signal]));
    } finally {
      looks.delete(look);
      if (looks.size === 0) this.looks.delete(migrationId);
    }
  }

  /** Throws `stale-epoch` where another migration, or none, has the container, or this one in a higher epoch. */
  async requireClaim(migration: MigrationRef): Promise<void> {
    const { container, migrationId } = migration;
    if ((await this.parts.store.held(container, migration))?.role === 'destination') return;
    throw new PortkeyError(
      'stale-epoch',
      `container '${container}' is not arriving here by migration ${migrationId}`,
    );
  }

  /**
   * Stopped tasks do not end by themselves; those of a container that was set going do. But as long as that is asked for, Redis
   * does not know that it ran, and the source's copy is still there.
   */
  private requireWhole(container: string, taskCount: number): void {
    const { store } = this.parts;
    if (store.hasReached(container, 'activated')) {
      if (taskCount > 0) return;
      throw new PortkeyError(
        'destination-lost',
        `container '${container}' was set going here, and no task of it is left; were they killed, by a kernel out of memory maybe? If it ran, what it has done since the freeze is lost`,
      );
    }
    const restoredCount = Number(store.noteOf(container, 'restored') ?? NaN);
    if (taskCount > 0 && taskCount >= restoredCount) return;
    throw new PortkeyError(
      'destination-lost',
      `container '${container}' has ${taskCount} of ${restoredCount} tasks left here: others were killed after the restore, by a kernel out of memory maybe; none of them has run`,
    );
  }

  private async images({ migrationId }: MigrationRef, landing: string): Promise<string> {
    const { pageServers, share } = this.parts;
    return landing === '' ? pageServers.finalFolder(migrationId) : assembleLanding(path.join(share, landing));
  }

  private async requireRoom(name: string, needed: number): Promise<void> {
    const available = await this.parts.memoryAvailableBytes();
    if (available < needed) {
      throw new PortkeyError(
        'no-room',
        `container '${name}' needs ${formatBytes(needed)} here, but only ${formatBytes(available)} is available; choose another VM or free memory`,
      );
    }
  }

  /** No upload begins any more by then: the claim is gone, or its container is restored. */
  private async removeFiles(migrationId: string): Promise<void> {
    await this.uploads.end(migrationId, 'it has ended here');
    await this.parts.pageServers.remove(migrationId);
    await rm(path.join(this.parts.workRoot, migrationId), { recursive: true, force: true });
  }
}

/** The spec is what the source's agent says; which container moves is the controller's to say. */
function hasEndedHere(migrationId: string): PortkeyError {
  return new PortkeyError(
    'stale-epoch',
    `migration ${migrationId} has ended here; what it was at was given up`,
  );
}

function requireSameName({ migrationId, container }: MigrationRef, name: string): void {
  if (name === container) return;
  throw new PortkeyError(
    'invalid-argument',
    `migration ${migrationId} moves container '${container}', but its source describes a container '${name}'; look at the agent in the source VM`,
  );
}
