/** The checkpoint service's gRPC side: each call to the part that does it. */
import { required } from '../../libraries/agent/index.js';
import type { GuestLink } from '../../libraries/hypercall/index.js';
import type { CallContext, Handlers, RoundProgress, RoundRequest } from '../../libraries/rpc/index.js';
import type { ContainerStore, NodeInfoReader } from '../../libraries/runtime/index.js';
import type { Departures } from './departure.js';
import { describe } from './describe.js';
import { progressStream } from './progress-stream.js';

export interface ServiceParts {
  readonly departures: Departures;
  readonly store: ContainerStore;
  readonly nodeInfo: NodeInfoReader;
  readonly link: GuestLink;
}

export function checkpointHandlers({
  departures,
  store,
  nodeInfo,
  link,
}: ServiceParts): Handlers<'Checkpoint'> {
  return {
    GetNode: () => nodeInfo.read(link.state),
    Describe: async ({ container }) => describe(store, container, await nodeInfo.read(link.state)),
    Begin: async (request) => {
      await departures.begin(request);
      return {};
    },
    Round: (request, context) => roundMessages(departures, request, context),
    Freeze: (migration) => departures.freeze(migration),
    Dump: ({ migration, pageServer }) => departures.dump(required(migration), pageServer),
    Finish: async (migration) => {
      await departures.finish(migration);
      return {};
    },
    Rollback: async (migration) => {
      await departures.rollback(migration);
      return {};
    },
  };
}

async function* roundMessages(
  departures: Departures,
  { migration, index, last, pageServer }: RoundRequest,
  { signal }: CallContext,
): AsyncGenerator<Partial<RoundProgress>> {
  const progress = progressStream<Partial<RoundProgress>>();
  const round = departures.round(
    required(migration),
    { index, last, signal, onProgress: progress.push },
    pageServer,
  );
  const ended = round.finally(progress.end);
  // The failure is thrown below, after the progress that came before it.
  ended.catch(() => undefined);
  yield* progress.messages;
  yield { result: await ended };
}
