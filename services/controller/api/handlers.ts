/** The Controller service of proto/portkey/v1/controller.proto: each method is one call into the part that does it. */
import type { Handlers } from '../../../libraries/rpc/index.js';
import { version } from '../../../libraries/service/index.js';
import { inspectCluster } from '../cluster/cluster.js';
import type { ContainerAdmin } from '../containers/container-admin.js';
import type { Tools } from '../migration/migration.js';
import type { Migrations } from '../migration/migrations.js';
import type { RunningMigrations } from '../migration/running.js';
import type { Rescuer } from '../rescue/rescue.js';
import type { StateStoreConnection } from '../state/index.js';
import { evacuate } from './evacuate.js';
import { migrate } from './migrate.js';
import { summary, watch } from './watch.js';

export interface ApiParts {
  readonly tools: Tools;
  readonly connection: StateStoreConnection;
  readonly migrations: Migrations;
  readonly running: RunningMigrations;
  readonly containers: ContainerAdmin;
  readonly rescuer: Rescuer;
}

export function handlers(parts: ApiParts): Handlers<'Controller'> {
  const { tools, connection, migrations, running, containers, rescuer } = parts;
  const { clock, limits, store, vms } = tools;
  const watched = { store, migrations, clock, limits };
  const followed = { ...watched, journalOf: (id: string) => running.journalOf(id) };
  return {
    GetCluster: async () => {
      const [redis, redisVolatile, cluster] = await Promise.all([
        connection.answers(),
        connection.isVolatile(),
        inspectCluster(vms, limits),
      ]);
      return { version, redis, redisVolatile, vms: cluster };
    },
    RunContainer: (request) => containers.run(request),
    ListContainers: ({ vm }) => containers.list(vm),
    StopContainer: async ({ name }) => {
      await containers.stop(name);
      return {};
    },
    Migrate: (request, { signal }) => migrate(tools, followed, request, signal),
    Evacuate: (request, { signal }) => evacuate(tools, followed, request, signal),
    ListMigrations: async () => ({ migrations: (await store.list()).map(summary) }),
    GetMigration: async ({ id }) => summary(await migrations.getRecord(id)),
    WatchMigration: ({ id }, { signal }) => watch(watched, id, signal),
    CancelMigration: async ({ id }) => {
      await migrations.cancel(id);
      return {};
    },
    RescueContainer: (request) => rescuer.rescue(request),
  };
}
