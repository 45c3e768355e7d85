/**
 * The controller: phases, pre-copy decision, state in Redis. It drives the agents in the VMs and the relays on the
 * hosts over gRPC, and is what the command line talks to.
 *
 *   api/         the gRPC service
 *   queue/       which migrations there are to work on, for any number of controllers
 *   migration/   one file per phase; run.ts has the theory of operation
 *   precopy/     when to stop iterating
 *   state/       migrations in Redis: the state machine, one Lua script per transition
 *   accounting/  time and CPU per phase          report/   what a migration was like, as JSON
 *   events/      the story of a migration        vms/      clients for the agents and relays
 *   containers/  running and stopping            cluster/  what `doctor` wants to know
 *   evacuation/  where the containers of a VM go
 *   rescue/      containers whose migration has lost its record
 *
 * It can be stopped and killed at any moment: nothing that matters is in its memory only. Any number of them may share one
 * Redis; each accepts migrations, works some of them off, and takes over what another one has left.
 */
import { randomBytes, randomUUID } from 'node:crypto';

import type { Logger } from 'pino';

import { systemClock, type Clock } from '../../libraries/process/index.js';
import type { RpcServer } from '../../libraries/rpc/index.js';
import type { ServiceParts } from '../../libraries/service/index.js';
import { handlers } from './api/handlers.js';
import type { ControllerConfig } from './config.js';
import { ContainerAdmin } from './containers/container-admin.js';
import { defaultLimits, type Limits } from './limits.js';
import { Metrics } from './metrics.js';
import { newMigrationId } from './migration/migration-id.js';
import { Migrations } from './migration/migrations.js';
import { RunningMigrations } from './migration/running.js';
import { MigrationWorker } from './migration/worker.js';
import { FixedCost } from './precopy/fixed-cost.js';
import { MigrationQueue } from './queue/migration-queue.js';
import { sweep } from './queue/sweep.js';
import { Rescuer } from './rescue/rescue.js';
import {
  AddressBook,
  ContainerLocks,
  HostSlots,
  MigrationStore,
  StateStoreConnection,
} from './state/index.js';
import { Vms } from './vms/vms.js';

/** For gRPC's health check. */
const stateStorePart = 'state-store';

/** How long a stop waits for migrations to roll back; what is not done by then is for the next start. */
const stopGraceMs = 2_000;

/** What tests replace. */
export interface Surroundings {
  readonly clock: Clock;
  readonly limits: Limits;
}

export function startController(
  config: ControllerConfig,
  { log, registry, server, security }: ServiceParts,
  { clock, limits }: Surroundings = { clock: systemClock, limits: { ...defaultLimits, ...config.limits } },
): Promise<() => Promise<void>> {
  const connection = StateStoreConnection.open(config.redis);
  watchStateStore(connection, server, log);
  const lifetime = new AbortController();
  const store = new MigrationStore(connection, clock, limits.keptMigrations);
  const vms = new Vms(config.vms, limits, security, clock);
  const tools = {
    ...{ clock, log, limits, store, vms, criuMode: config.criuMode },
    metrics: new Metrics(registry),
    fixedCost: new FixedCost(),
    newId: () => newMigrationId(clock.wallTime(), () => randomBytes(4).toString('hex')),
    lifetime: lifetime.signal,
  };
  const queue = new MigrationQueue(connection, clock, limits, log);
  const slots = new HostSlots(connection, config.migrationsPerHost, limits.slotLeaseMs);
  const running = new RunningMigrations(tools, slots);
  const worker = new MigrationWorker(tools, slots, queue, running);
  const migrations = new Migrations(tools, queue, running);
  const locks = new ContainerLocks(connection, clock, randomUUID);
  const containers = new ContainerAdmin(
    vms,
    locks,
    new AddressBook(connection, clock),
    migrations,
    config.containerAddresses,
    limits,
    log,
  );
  const rescuer = new Rescuer(vms, locks, migrations, limits);
  server.add('Controller', handlers({ tools, connection, migrations, running, containers, rescuer }));
  queue.start((job) => worker.work(job));
  void sweep(tools, queue);
  return Promise.resolve(async () => {
    await queue.pause();
    await running.stop(stopGraceMs);
    lifetime.abort();
    await queue.stop();
    vms.close();
    connection.close();
  });
}

/**
 * Without Redis the controller goes on serving what it can, and says so once; whoever wants to know whether migrations can start
 * asks for the health of this part.
 */
function watchStateStore(
  connection: StateStoreConnection,
  server: Pick<RpcServer, 'setPartServing'>,
  log: Pick<Logger, 'info' | 'error'>,
): void {
  server.setPartServing(stateStorePart, false);
  connection.watch((problem) => {
    server.setPartServing(stateStorePart, problem === undefined);
    if (problem === undefined) log.info('Redis answers');
    else log.error({ code: problem.code }, problem.message);
  });
}
