/**
 * Everything a container consists of in a VM besides its memory, made and removed as a whole.
 *
 * Goal: one owner for a container's folder, bundle, root mount, network and cgroup, so that a failed start, a
 * rollback, a discard and a stop all leave the same: nothing. `make` undoes its own half-done work; `remove`
 * takes whatever is there, also after a crash half-way through either, and also while a `runc restore` that lost
 * its caller is still at work. What cannot be taken away is an error, and the folder, which is removed last, stays, so that
 * the removal is asked for again.
 * Invariant: nothing is made, and so nothing is ever removed, under a name that somebody else's container has in runc.
 * Limits: a container that somebody else starts under a name while Portkey starts one is not noticed.
 */
import { mkdir, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { PortkeyError } from '../errors/index.js';
import { killGroup, type Clock, type RunCommand } from '../process/index.js';
import type { ContainerSpec, PageServer } from '../rpc/index.js';
import type { Claim } from './claim-file.js';
import { ContainerCgroup } from './container-cgroup.js';
import type { ContainerStore } from './container-store.js';
import { MountPoints } from './mount-points.js';
import { ContainerNetwork, type SetInterface } from './network.js';
import { runcConfig } from './runc-config.js';
import type { Runc } from './runc.js';
import { RuncWorker } from './runc-worker.js';

/** What is asked of the kernel without a process in between: libc's, or a test's. */
export interface Kernel {
  readonly setInterface: SetInterface;
  readonly bindMount: (source: string, target: string) => void;
  readonly detachMount: (target: string) => void;
}

export interface HostParts {
  readonly store: ContainerStore;
  readonly runc: Runc;
  readonly run: RunCommand;
  readonly clock: Clock;
  /** The VM's bridge that containers' links join. */
  readonly bridge: string;
  readonly kernel: Kernel;
  /** Where runc keeps its state and the kernel its cgroups. */
  readonly roots?: { readonly runcState: string; readonly cgroup: string };
}

const systemRoots = { runcState: '/run/runc', cgroup: '/sys/fs/cgroup' };
/** A dump takes seconds; one that waits for a dead peer ends with TCP's patience at the latest. */
const workerMs = 15_000;

export class ContainerHost {
  private readonly mountPoints = new MountPoints();
  private readonly roots: { readonly runcState: string; readonly cgroup: string };

  constructor(private readonly parts: HostParts) {
    this.roots = parts.roots ?? systemRoots;
  }

  network(spec: ContainerSpec): ContainerNetwork {
    const { bridge, run, kernel } = this.parts;
    return new ContainerNetwork(spec, bridge, run, kernel.setInterface);
  }

  /** Folder, bundle and network, link down. Throws `container-exists`, `rootfs-missing`, `command-failed`. */
  async make(spec: ContainerSpec, claim?: Claim): Promise<void> {
    const { store } = this.parts;
    await requireFolder(spec.rootfs);
    await this.requireOurs(spec.name);
    await store.create(spec, claim);
    try {
      const network = this.network(spec);
      const paths = {
        rootfs: await this.mountRoot(spec),
        criuConfig: store.criuConfig(spec.name),
        networkNamespace: network.namespacePath,
        emptyFolder: await this.emptyFolder(),
      };
      await writeFile(
        path.join(store.folder(spec.name), 'config.json'),
        JSON.stringify(runcConfig(spec, paths)),
      );
      await network.create();
    } catch (error) {
      await this.remove(spec);
      throw error;
    }
  }

  /** Runs `restore` when no other one is in its way. */
  restoring<T>(spec: ContainerSpec, restore: () => Promise<T>): Promise<T> {
    return this.mountPoints.forRestore(spec, this.rootOf(spec), restore);
  }

  /**
   * Right before a runc starts to work for this container. Returns what notes its process group, so that whoever ends a
   * migration after a crash waits for it, or ends it.
   */
  expectWorker(name: string): (pid: number) => void {
    return this.worker(name).expect();
  }

  async remove(spec: ContainerSpec): Promise<void> {
    const { store, runc, kernel } = this.parts;
    this.endWorker(spec.name);
    const cgroup = new ContainerCgroup(spec.name, this.parts.clock, this.roots.cgroup);
    await cgroup.killTasks();
    await runc.destroy(spec.name);
    // A runc that was killed half-way through a restore leaves these, and would refuse the name next time.
    await rm(path.join(this.roots.runcState, spec.name), { recursive: true, force: true });
    await cgroup.remove();
    await this.network(spec).remove();
    kernel.detachMount(store.rootfs(spec.name));
    await this.requireUnmounted(spec.name);
    await store.remove(spec.name);
  }

  /** What is in the store is ours, and for the store to refuse. */
  private async requireOurs(name: string): Promise<void> {
    // runc has a folder for each of its containers; to ask runc itself takes a process.
    const inRunc = await exists(path.join(this.roots.runcState, name));
    if (!inRunc || (await this.parts.store.names()).includes(name)) return;
    throw new PortkeyError(
      'container-exists',
      `runc has a container '${name}' here that is not Portkey's; remove it with 'runc delete ${name}' or take another name`,
    );
  }

  /** One for all containers, beside the folder that has theirs. */
  private async emptyFolder(): Promise<string> {
    const folder = path.join(path.dirname(this.parts.store.root), 'empty');
    await mkdir(folder, { recursive: true, mode: 0o555 });
    return folder;
  }

  /** runc wants a root that is a folder of its own; the guest's own root is bound to one. */
  private async mountRoot(spec: ContainerSpec): Promise<string> {
    const target = this.rootOf(spec);
    if (target === spec.rootfs) return target;
    await mkdir(target);
    this.parts.kernel.bindMount('/', target);
    return target;
  }

  private rootOf({ name, rootfs }: ContainerSpec): string {
    return path.resolve(rootfs) === '/' ? this.parts.store.rootfs(name) : rootfs;
  }

  /** Before anything is removed recursively: what is bound there is the guest's own root. */
  private async requireUnmounted(name: string): Promise<void> {
    const folder = this.parts.store.rootfs(name);
    await rmdir(folder).catch((cause: unknown) => {
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return;
      throw new PortkeyError(
        'runtime-failed',
        `the root of container '${name}' is still mounted on ${folder}; unmount it and stop the container again`,
        { cause },
      );
    });
  }

  private worker(name: string): RuncWorker {
    return new RuncWorker(path.join(this.parts.store.folder(name), 'worker.pid'), name);
  }

  /** Waits for a runc that is still at work in the container's tasks. Throws `deadline-exceeded`. */
  async awaitWorker(name: string): Promise<void> {
    const deadline = this.parts.clock.monotonicMs() + workerMs;
    while (this.worker(name).find() !== undefined) {
      if (this.parts.clock.monotonicMs() > deadline) {
        throw new PortkeyError(
          'deadline-exceeded',
          `CRIU is still at work in container '${name}'; try again`,
        );
      }
      await this.parts.clock.sleep(20);
    }
  }

  /** Where a runc that is at work sends the container's pages; undefined where there is none, or it sends none. */
  pageServerInUse(name: string): PageServer | undefined {
    const args = this.worker(name).find()?.args ?? [];
    const at = args.indexOf('--page-server');
    const [address = '', port = ''] = args[at + 1]?.split(':') ?? [];
    return at < 0 ? undefined : { address, port: Number(port) };
  }

  /** Kills a runc that is at work, with the CRIU that it has started. */
  endWorker(name: string): void {
    const worker = this.worker(name).find();
    if (worker !== undefined) killGroup(worker.pid);
  }
}

const exists = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );

async function requireFolder(rootfs: string): Promise<void> {
  const isFolder = await stat(rootfs).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  if (!isFolder) {
    throw new PortkeyError(
      'rootfs-missing',
      `this VM has no folder '${rootfs}' to be the container's root; copy it there with: portkey testbed cp`,
    );
  }
}
