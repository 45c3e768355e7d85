/**
 * A scripted VM with its host's relay: three real gRPC servers (checkpoint service; restore service with the
 * containers; relay) over a World. Each call can be made to fail, hang or die (faults.ts).
 */
import { createHash } from 'node:crypto';
import path from 'node:path';

import { PortkeyError } from '../../../libraries/errors/index.js';
import type { MigrationRef, PageDigests, PageList, RpcServer } from '../../../libraries/rpc/index.js';
import { checkpointHandlers } from './scripted-checkpoint.js';
import { relayHandlers } from './scripted-relay.js';
import { containerHandlers, restoreHandlers } from './scripted-restore.js';
import { ScriptedProcess } from './scripted-process.js';
import type { Copy, World } from './scripted-world.js';

/** What the VM says of itself; tests change it. */
export interface Traits {
  cpuFeatures: string[];
  criuVersion: string;
  softDirty: boolean;
  bootId: string;
  hypercallChannel: boolean;
  hypercallDetail: string;
  /** Whether the relay was given the VM. */
  attached: boolean;
  memoryBytes: number;
  /** Free, in the VM. */
  memoryAvailableBytes: number;
  taskCount: number;
  /** For each round, what is dirty after it; the last value goes on. */
  dirtyPages: number[];
  /** How long each round takes. */
  roundMs: number;
  /** How often it tells how far it is. */
  progressSteps: number;
  /** How long it takes to say which containers there are. */
  listMs: number;
  /** What every digest of the VM's pages is made of. */
  content: string;
}

export class ScriptedVm {
  readonly calls: string[] = [];
  /** How many ask at once which containers there are, and how many at most. */
  readonly lists = { now: 0, most: 0 };
  /** As the configuration of controllers that are started from now on has it. */
  group = 'default';
  readonly traits: Traits = {
    cpuFeatures: ['avx', 'fpu', 'sse2'],
    criuVersion: '4.1.1',
    softDirty: true,
    bootId: 'first',
    hypercallChannel: true,
    hypercallDetail: '',
    attached: true,
    memoryBytes: 4 * 2 ** 20,
    memoryAvailableBytes: 2 ** 30,
    taskCount: 2,
    dirtyPages: [200, 10],
    roundMs: 10,
    progressSteps: 4,
    listMs: 0,
    content: 'the same everywhere',
  };
  /** Migrations that the checkpoint service has in memory; a restarted one knows none. */
  readonly live = new Set<string>();
  readonly checkpoint: ScriptedProcess;
  readonly restore: ScriptedProcess;
  readonly relay: ScriptedProcess;

  constructor(
    readonly name: string,
    readonly world: World,
    folder: string,
  ) {
    const address = (service: string): string => `unix:${path.join(folder, `${name}-${service}.sock`)}`;
    this.checkpoint = new ScriptedProcess(
      address('checkpoint'),
      this.calls,
      (server, process) => server.add('Checkpoint', checkpointHandlers(this, process)),
      () => this.live.clear(),
    );
    this.restore = new ScriptedProcess(address('restore'), this.calls, (server, process) => {
      server.add('Restore', restoreHandlers(this, process));
      server.add('Containers', containerHandlers(this, process));
    });
    this.relay = new ScriptedProcess(address('relay'), this.calls, (server: RpcServer, process) =>
      server.add('HypervisorRelay', relayHandlers(this, process)),
    );
  }

  get processes(): ScriptedProcess[] {
    return [this.checkpoint, this.restore, this.relay];
  }

  get config(): { name: string; host: string; checkpoint: string; restore: string; relay: string } {
    const host = this.name.replace('vm', 'host');
    const { checkpoint, restore, relay } = this;
    return {
      ...{ name: this.name, host },
      ...{ checkpoint: checkpoint.address, restore: restore.address, relay: relay.address },
    };
  }

  async start(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.start()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.stop()));
  }

  node(): object {
    const { cpuFeatures, criuVersion, softDirty, bootId, hypercallChannel, hypercallDetail } = this.traits;
    const { memoryAvailableBytes } = this.traits;
    return {
      ...{ vm: this.name, kernel: '6.12.0', runcVersion: '1.1.15', memoryTotalBytes: 2 ** 31 },
      memoryAvailableBytes,
      ...{ cpuFeatures, criuVersion, softDirty, bootId, hypercallChannel, hypercallDetail },
    };
  }
}

/** What landed: two tasks, of which one has pages in two regions, and two objects of shared memory, of which one is out of reach. */
export const scriptedPages: PageList = {
  tasks: [
    { namespacePid: 1, sharedMemory: 0, runs: [512, 1000], leftOut: [] },
    { namespacePid: 7, sharedMemory: 0, runs: [4096, 24], leftOut: [16_777_216, 32] },
    { namespacePid: 0, sharedMemory: 21, runs: [0, 6], leftOut: [] },
    { namespacePid: 0, sharedMemory: 1030, runs: [512, 3], leftOut: [] },
  ],
};

/** The digests of `scriptedPages` in a VM. */
export function scriptedDigests({ content }: Traits, outOfReach: number[] = []): PageDigests {
  const digest = createHash('sha256').update(content).digest();
  const regions = [
    { namespacePid: 1, sharedMemory: 0, page: 512, pageCount: 512, digest },
    { namespacePid: 1, sharedMemory: 0, page: 1024, pageCount: 488, digest },
    { namespacePid: 7, sharedMemory: 0, page: 4096, pageCount: 24, digest },
    { namespacePid: 0, sharedMemory: 21, page: 0, pageCount: 6, digest },
    { namespacePid: 0, sharedMemory: 1030, page: 512, pageCount: 3, digest },
  ].filter(({ sharedMemory }) => !outOfReach.includes(sharedMemory));
  return { format: 2, regions, outOfReach, seconds: 0.5, cpuSeconds: 0.25 };
}

/** The copy that this migration has here, in this epoch from now on. Throws `stale-epoch` where its claim's is higher. */
export function held(vm: ScriptedVm, { migrationId, epoch, container }: MigrationRef): Copy | undefined {
  const copy = vm.world.copy(vm.name, container);
  if (copy?.claim?.id !== migrationId) return undefined;
  if (epoch < copy.claim.epoch) throw staleEpoch(`epoch ${epoch} comes after ${copy.claim.epoch}`);
  copy.claim.epoch = epoch;
  return copy;
}

/** Throws `agent-unavailable` where the VM is in another boot. */
export function requireBoot({ name, traits }: ScriptedVm, bootId: string): void {
  if (bootId !== '' && bootId !== traits.bootId)
    throw new PortkeyError('agent-unavailable', `scripted: ${name} was started anew`);
}

export function staleEpoch(what: string): PortkeyError {
  return new PortkeyError('stale-epoch', `scripted: ${what}`);
}
