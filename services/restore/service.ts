/** The restore service's gRPC side: each call to the part that does it. */
import { mkdir } from 'node:fs/promises';

import { required } from '../../libraries/agent/index.js';
import type { GuestLink } from '../../libraries/hypercall/index.js';
import { KeyedQueue } from '../../libraries/process/index.js';
import type { Handlers, MigrationRef } from '../../libraries/rpc/index.js';
import type { NodeInfoReader } from '../../libraries/runtime/index.js';
import type { Arrivals } from './arrival.js';
import type { Containers } from './containers.js';
import { receiveImages } from './image-upload.js';
import type { PageServers } from './page-server.js';

export interface ServiceParts {
  readonly arrivals: Arrivals;
  readonly pageServers: PageServers;
  readonly nodeInfo: NodeInfoReader;
  readonly link: GuestLink;
}

export function restoreHandlers({
  arrivals,
  pageServers,
  nodeInfo,
  link,
}: ServiceParts): Handlers<'Restore'> {
  // Calls about one container do not overlap, see arrival.ts.
  const queue = new KeyedQueue();
  const inTurn = <T>(migration: MigrationRef, act: () => Promise<T>): Promise<T> =>
    queue.run(migration.container, act);
  const finalFolder = async (migrationId: string): Promise<string> => {
    await arrivals.requireArriving(migrationId);
    const folder = pageServers.finalFolder(migrationId);
    await mkdir(folder, { recursive: true });
    return folder;
  };
  return {
    GetNode: () => nodeInfo.read(link.state),
    Prepare: async (request) => {
      await inTurn(required(request.migration), () => arrivals.prepare(request));
      return {};
    },
    StartPageServer: async ({ migration, index, last }) => {
      const ref = required(migration);
      await arrivals.requireClaim(ref);
      return pageServers.start(ref.migrationId, index, last);
    },
    PutImages: (chunks) => receiveImages(chunks, finalFolder),
    Restore: ({ migration, landing }) =>
      inTurn(required(migration), () => arrivals.restore(required(migration), landing)),
    Activate: async (migration) => ({
      seconds: await inTurn(migration, () => arrivals.activate(migration)),
    }),
    Release: async (migration) => {
      await inTurn(migration, () => arrivals.release(migration));
      return {};
    },
    Discard: async (migration) => {
      await inTurn(migration, () => arrivals.discard(migration));
      return {};
    },
  };
}

export function containerHandlers(containers: Containers): Handlers<'Containers'> {
  return {
    Run: (spec) => containers.run(spec),
    List: async () => ({ containers: await containers.list() }),
    Stop: async ({ name }) => {
      await containers.stop(name);
      return {};
    },
  };
}
