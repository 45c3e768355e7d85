/**
 * The controller: phases, pre-copy decision, state in Redis. It drives the agents in the VMs and the relays on the
 * hosts over gRPC, and is what the command line talks to.
 *
 *   api/         the gRPC service
 *   migration/   one file per phase; run.ts has the theory of operation
 *   precopy/     when to stop iterating
 *   state/       migrations in Redis: the state machine, one Lua script per transition
 *   accounting/  time and CPU per phase          report/   what a migration was like, as JSON
 *   events/      the story of a migration        vms/      clients for the agents and relays
 *   containers/  running and stopping            cluster/  what `doctor` wants to know
 *
 * It can be stopped and killed at any moment: nothing that matters is in its memory only.
 */
import { randomUUID } from 'node:crypto';

import { systemClock, type Clock } from '../../libraries/process/index.js';
import type { ServiceParts } from '../../libraries/service/index.js';
import { asPortkeyError } from '../../libraries/errors/index.js';
import { handlers } from './api/handlers.js';
import type { ControllerConfig } from './config.js';
import { ContainerAdmin } from './containers/container-admin.js';
import { defaultLimits, type Limits } from './limits.js';
import { Metrics } from './metrics.js';
import { Migrations } from './migration/migrations.js';
import { FixedCost } from './precopy/fixed-cost.js';
import { AddressBook, ContainerLocks, MigrationStore, StateStoreConnection } from './state/index.js';
import { Vms } from './vms/vms.js';

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
  const lifetime = new AbortController();
  const store = new MigrationStore(connection, clock, limits.keptMigrations);
  const vms = new Vms(config.vms, limits, security);
  const tools = {
    ...{ clock, log, limits, store, vms },
    metrics: new Metrics(registry),
    fixedCost: new FixedCost(),
    lifetime: lifetime.signal,
  };
  const migrations = new Migrations(tools);
  const containers = new ContainerAdmin(
    vms,
    new ContainerLocks(connection, randomUUID),
    new AddressBook(connection, clock),
    config.containerAddresses,
    limits,
    log,
  );
  server.add('Controller', handlers({ tools, connection, migrations, containers }));
  migrations.recover().catch((error: unknown) => {
    if (!lifetime.signal.aborted)
      log.error(`unfinished migrations not recovered: ${asPortkeyError(error).message}`);
  });
  return Promise.resolve(async () => {
    await migrations.stop(stopGraceMs);
    lifetime.abort();
    vms.close();
    connection.close();
  });
}
