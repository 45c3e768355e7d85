/** The restore service's gRPC side: each call to the part that does it, and a line of each step in the log. */
import { required, type Step, type Steps } from '../../libraries/agent/index.js';
import type { GuestLink } from '../../libraries/hypercall/index.js';
import { KeyedQueue } from '../../libraries/process/index.js';
import type { Handlers, MigrationRef, PageDigests, PageList } from '../../libraries/rpc/index.js';
import type { NodeInfoReader } from '../../libraries/runtime/index.js';
import type { Arrivals } from './arrival.js';
import type { Containers } from './containers.js';
import type { PageServers } from './page-server.js';

export interface ServiceParts {
  readonly arrivals: Arrivals;
  readonly pageServers: PageServers;
  readonly nodeInfo: NodeInfoReader;
  readonly link: GuestLink;
  readonly steps: Steps;
}

export function restoreHandlers({
  arrivals,
  pageServers,
  nodeInfo,
  link,
  steps,
}: ServiceParts): Handlers<'Restore'> {
  // Calls about one container do not overlap, see arrival.ts.
  const queue = new KeyedQueue();
  const inTurn = <T>(
    step: Step,
    migration: MigrationRef,
    act: () => Promise<T>,
    figures?: (result: T) => object,
  ): Promise<T> => queue.run(migration.container, () => steps.run(step, migration, act, figures));
  return {
    GetNode: () => nodeInfo.read(link.state),
    Prepare: async (request) => {
      const { migration, mode, source } = request;
      const { memoryBytes, otherBytes } = source ?? {};
      await nodeInfo.requireBoot(request.bootId);
      const prepare = (): Promise<void> => arrivals.prepare(request);
      await inTurn('prepare', required(migration), prepare, () => ({ mode, memoryBytes, otherBytes }));
      return {};
    },
    StartPageServer: ({ migration, index, last }) => {
      const ref = required(migration);
      // Not a step of its own in the log: there is one for each round.
      return queue.run(ref.container, async () => {
        await arrivals.requireClaim(ref);
        return pageServers.start(ref.migrationId, index, last);
      });
    },
    PutImages: (chunks, { caller }) => arrivals.receiveImages(caller, chunks),
    ListPages: ({ migration, landing }, { signal }) => {
      const ref = required(migration);
      const list = (): Promise<PageList> => arrivals.listPages(ref, landing, signal);
      return inTurn('list-pages', ref, list, ({ tasks }) => ({ tasks: tasks.length }));
    },
    DigestPages: ({ migration, landing }, { signal }) => {
      const ref = required(migration);
      const digest = (): Promise<PageDigests> => arrivals.digestPages(ref, landing, signal);
      return inTurn('digest', ref, digest, ({ regions, seconds }) => ({ regions: regions.length, seconds }));
    },
    Restore: ({ migration, landing }) => {
      const ref = required(migration);
      return inTurn(
        'restore',
        ref,
        () => arrivals.restore(ref, landing),
        (result) => result,
      );
    },
    Activate: async (migration) => {
      const activate = (): Promise<number> => arrivals.activate(migration);
      return { seconds: await inTurn('activate', migration, activate, (seconds) => ({ seconds })) };
    },
    Release: async (migration) => {
      await inTurn('release', migration, () => arrivals.release(migration));
      return {};
    },
    Discard: async (migration) => {
      await arrivals.giveUp(migration);
      await inTurn('discard', migration, () => arrivals.discard(migration));
      return {};
    },
    TakeOver: async (migration) => {
      await inTurn('take-over', migration, () => arrivals.requireClaim(migration));
      return {};
    },
    GetUsage: (migration) => Promise.resolve({ steps: steps.usage(migration) }),
  };
}

export function containerHandlers(containers: Containers): Handlers<'Containers'> {
  return {
    Run: (spec, { signal }) => containers.run(spec, signal),
    List: async () => ({ containers: await containers.list() }),
    Stop: async ({ name }) => {
      await containers.stop(name);
      return {};
    },
  };
}
