/**
 * The source's side of one migration.
 *
 *     running ──begin──▶ claimed ──round──▶ … ──freeze──▶ frozen ──last round──▶ drained ──dump──▶ dumped
 *        ▲                  │                               │                      │                 │
 *        └────────────────rollback──────────────────────────┴──────────────────────┴─────────────────┤
 *                                                        (once the other copy has run) finish ──▶ (gone)
 *
 * What stands frozen can be digested once it is dumped (frozen/), which changes nothing.
 *
 * Goal: until `finish`, which only the controller may ask for and only once the other copy has run, the container can go on
 * here as if nothing had been. CRIU dumps with --leave-running, so even after the dump it stands frozen and whole.
 * Invariants: the claim on disk names the migration and its epoch from begin to rollback or finish, and a call of an
 * earlier epoch, of a controller that another has replaced, changes nothing: what a call looks at and what it then does
 * to end the migration is one turn, so that a take-over comes before both or after both. What is needed to roll back
 * (freezer, CPU limit, link, claim, folders) is found from the container's name alone, so an agent that was killed and came
 * back can roll back. A CRIU that is at work in the tasks is waited for, never killed: it would leave its parasite
 * behind; a rollback makes it fail by itself, by cutting its connection to the page server (connection-cut.ts).
 */
import { readFileSync } from 'node:fs';

import { required } from '../../libraries/agent/index.js';
import { PortkeyError } from '../../libraries/errors/index.js';
import { parseBatchPolicy, type HypercallClient } from '../../libraries/hypercall/index.js';
import { KeyedQueue, secondsSince, type Clock, type RunCommand } from '../../libraries/process/index.js';
import type {
  BeginRequest,
  DumpResult,
  FreezeResult,
  MigrationRef,
  PageDigests,
  PageList,
  PageServer,
  RoundResult,
  Security,
} from '../../libraries/rpc/index.js';
import {
  tasksOf,
  type ContainerHost,
  type ContainerStore,
  type CpuLimit,
  type Freezer,
  type Runc,
} from '../../libraries/runtime/index.js';
import { CallsAtWork } from './calls-at-work.js';
import { cutWhile } from './connection-cut.js';
import { DepartureFiles, type DepartureFolders } from './departure-files.js';
import { finalDump } from './final-dump.js';
import { digestFrozen } from './frozen/digest-frozen.js';
import { requireUnmerged } from './kernel-merging.js';
import { ContainerMemory } from './rounds/container-memory.js';
import { CriuRounds } from './rounds/criu-round.js';
import { PortkeyRounds } from './rounds/portkey-round.js';
import type { RoundOptions } from './rounds/round.js';
import type { PagemapReader } from './scan/task-pagemap.js';
import { Throttle } from './throttle.js';

export interface DepartureParts extends DepartureFolders {
  readonly store: ContainerStore;
  readonly host: ContainerHost;
  readonly runc: Runc;
  readonly clock: Clock;
  /** What the agent has used of its CPU so far. */
  readonly cpuSeconds: () => number;
  readonly run: RunCommand;
  readonly freezer: (container: string) => Freezer;
  readonly cpuLimit: (container: string) => CpuLimit;
  readonly hypercalls: () => HypercallClient;
  readonly pagemapReader: () => PagemapReader;
  readonly uptimeSeconds: () => number;
  readonly security: Security;
}

/** What only a live migration needs; lost with the agent, and the migration with it. */
interface Live {
  readonly request: BeginRequest;
  readonly memory: ContainerMemory;
  readonly portkey: PortkeyRounds | undefined;
  readonly criu: CriuRounds | undefined;
  readonly ending: AbortController;
  readonly throttle: Throttle;
}

export class Departures {
  private readonly live = new Map<string, Live>();
  private readonly calls = new CallsAtWork();
  private readonly turns = new KeyedQueue();

  constructor(private readonly parts: DepartureParts) {}

  begin(request: BeginRequest): Promise<void> {
    const migration = required(request.migration);
    return this.calls.add(migration.migrationId, this.beginNow(migration, request));
  }

  private async beginNow(migration: MigrationRef, request: BeginRequest): Promise<void> {
    const { container, migrationId, epoch } = migration;
    const { store, clock, cpuSeconds, runc, host } = this.parts;
    store.spec(container);
    const policy = parseBatchPolicy(request.batch === '' ? 'adaptive' : request.batch);
    await store.claim(container, { migrationId, epoch, role: 'source' });
    const reader = this.parts.pagemapReader();
    const memory = new ContainerMemory({
      container,
      freezer: this.parts.freezer(container),
      clock,
      reader,
    });
    const files = this.files(migrationId);
    await files.make();
    const portkey =
      request.mode === 'MODE_PORTKEY'
        ? new PortkeyRounds({
            migrationId,
            client: this.parts.hypercalls(),
            policy,
            memory,
            clock,
            cpuSeconds,
          })
        : undefined;
    const criu =
      portkey === undefined
        ? new CriuRounds({ container, runc, host, work: files.work, clock, reader, cpuSeconds })
        : undefined;
    // A Begin that is repeated takes the place of the first one.
    const before = this.live.get(migrationId);
    before?.ending.abort(new PortkeyError('cancelled', `migration ${migrationId} was begun again`));
    before?.memory.close();
    const throttle = new Throttle(this.parts.cpuLimit(container), clock);
    this.live.set(migrationId, { request, memory, portkey, criu, ending: new AbortController(), throttle });
    await throttle.begin();
  }

  round(migration: MigrationRef, options: RoundOptions, pageServer: PageServer | null): Promise<RoundResult> {
    return this.calls.add(migration.migrationId, this.roundNow(migration, options, pageServer));
  }

  private async roundNow(
    migration: MigrationRef,
    options: RoundOptions,
    pageServer: PageServer | null,
  ): Promise<RoundResult> {
    const { portkey, criu, ending } = await this.find(migration);
    const abortable = { ...options, signal: AbortSignal.any([options.signal, ending.signal]) };
    const round = portkey?.run(abortable) ?? criu?.run(abortable, pageServer);
    if (round === undefined)
      throw new PortkeyError('internal', `migration ${migration.migrationId} has no mode`);
    return round;
  }

  /** Returns the CPUs that the container may use from now on. Throws `runtime-failed`. */
  throttle(migration: MigrationRef, cpuShare: number): Promise<number> {
    return this.calls.add(migration.migrationId, this.throttleNow(migration, cpuShare));
  }

  private async throttleNow(migration: MigrationRef, cpuShare: number): Promise<number> {
    return (await this.find(migration)).throttle.to(cpuShare);
  }

  /** Off the network first: no peer may talk to a frozen copy. */
  freeze(migration: MigrationRef): Promise<FreezeResult> {
    return this.calls.add(migration.migrationId, this.freezeNow(migration));
  }

  private async freezeNow(migration: MigrationRef): Promise<FreezeResult> {
    await this.find(migration);
    const { clock, host, store } = this.parts;
    const startMs = clock.monotonicMs();
    host.network(store.spec(migration.container)).setLink(false);
    // Tasks that wait for their share of CPU would keep the freezer waiting.
    await this.parts.cpuLimit(migration.container).lift();
    await this.parts.freezer(migration.container).freeze();
    const tasks = tasksOf(migration.container);
    requireUnmerged(migration.container, tasks);
    return { seconds: secondsSince(clock, startMs), taskCount: tasks.length };
  }

  dump(migration: MigrationRef, pageServer: PageServer | null): Promise<DumpResult> {
    return this.calls.add(migration.migrationId, this.dumpNow(migration, pageServer));
  }

  private async dumpNow(migration: MigrationRef, pageServer: PageServer | null): Promise<DumpResult> {
    const { migrationId, container } = migration;
    const { portkey, criu, request, ending } = await this.find(migration);
    return finalDump(this.parts, {
      ...{ migrationId, container, portkey, criu },
      files: this.files(migrationId),
      pageServer: pageServer ?? undefined,
      imagesTo: { address: request.destinationRestore, vm: request.destinationVm },
      signal: ending.signal,
    });
  }

  /** Of what landed, as it stands frozen here. Throws `digest-mismatch`, and the signal's reason when it fires. */
  digestPages(migration: MigrationRef, pages: PageList | null, signal: AbortSignal): Promise<PageDigests> {
    return this.calls.add(migration.migrationId, this.digestNow(migration, pages, signal));
  }

  private async digestNow(
    migration: MigrationRef,
    pages: PageList | null,
    signal: AbortSignal,
  ): Promise<PageDigests> {
    const { ending } = await this.find(migration);
    return digestFrozen(this.parts, {
      tasks: tasksOf(migration.container),
      landed: pages?.tasks ?? [],
      reader: this.parts.pagemapReader(),
      signal: AbortSignal.any([signal, ending.signal]),
    });
  }

  /** Once Redis knows that the destination's copy has run. Idempotent, also where it broke off. */
  async finish(migration: MigrationRef): Promise<void> {
    const { store, host } = this.parts;
    // Before anything else, and again after the wait: a call of an earlier epoch must not end what is at work.
    await store.held(migration.container, migration);
    store.end(migration.migrationId);
    await this.settle(migration);
    await this.turns.run(migration.container, async () => {
      if ((await store.held(migration.container, migration)) === undefined) return;
      await host.remove(store.spec(migration.container));
    });
    await this.files(migration.migrationId).remove();
  }

  /** Before the commit, or where that is undone. Idempotent. */
  async rollback(migration: MigrationRef): Promise<void> {
    const { store, host } = this.parts;
    const { container } = migration;
    const isHeld = async (): Promise<boolean> => (await store.held(container, migration)) !== undefined;
    const criuOver = async (): Promise<void> => {
      await this.settle(migration);
      if (await isHeld()) await host.awaitWorker(container);
    };
    // Only then a CRIU that is at work in the container is this migration's.
    const wasHeld = await isHeld();
    store.end(migration.migrationId);
    if (wasHeld) await cutWhile(this.parts, () => host.pageServerInUse(container), criuOver);
    else await criuOver();
    await this.turns.run(container, async () => {
      if (!(await isHeld())) return;
      await this.parts.freezer(container).thaw();
      await this.parts.cpuLimit(container).lift();
      host.network(store.spec(container)).setLink(true);
      await store.release(container);
    });
    await this.files(migration.migrationId).remove();
  }

  /** Throws `stale-epoch` where another migration, or none, has the container, or this one in a higher epoch. */
  takeOver(migration: MigrationRef): Promise<void> {
    const { container, migrationId } = migration;
    return this.turns.run(container, async () => {
      if ((await this.parts.store.held(container, migration))?.role === 'source') return;
      throw new PortkeyError(
        'stale-epoch',
        `container '${container}' is not leaving here by migration ${migrationId}`,
      );
    });
  }

  /** Forgets a migration, once the call that is at work in it has ended; sending is cut short, CRIU is not. */
  private async settle({ migrationId }: MigrationRef): Promise<void> {
    this.live
      .get(migrationId)
      ?.ending.abort(new PortkeyError('cancelled', `migration ${migrationId} was ended`));
    await this.calls.settled(migrationId);
    // Not waited for: a relay that is gone does not read, and would keep the container frozen.
    this.live
      .get(migrationId)
      ?.portkey?.closeObjects()
      .catch(() => undefined);
    this.live.get(migrationId)?.memory.close();
    this.live.delete(migrationId);
  }

  /** Throws `stale-epoch`, also where this migration has been ended meanwhile. */
  private async find(migration: MigrationRef): Promise<Live> {
    const { migrationId, container } = migration;
    const claim = await this.parts.store.held(container, migration);
    const live = this.live.get(migrationId);
    live?.ending.signal.throwIfAborted();
    if (claim !== undefined && live?.request.migration?.container === container) return live;
    throw new PortkeyError(
      'stale-epoch',
      `migration ${migrationId} of container '${container}' is not under way here; was the checkpoint service restarted?`,
    );
  }

  private files(migrationId: string): DepartureFiles {
    return new DepartureFiles(this.parts, migrationId);
  }
}

/** Seconds since boot: CRIU compares it with the start times of tasks. */
export function readUptimeSeconds(): number {
  return parseFloat(readFileSync('/proc/uptime', 'utf8'));
}
