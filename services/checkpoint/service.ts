/** The checkpoint service's gRPC side: each call to the part that does it, and a line of each step in the log. */
import { required, type Steps } from '../../libraries/agent/index.js';
import type { GuestLink } from '../../libraries/hypercall/index.js';
import type { Clock } from '../../libraries/process/index.js';
import type {
  CallContext,
  Handlers,
  PageDigests,
  RoundProgress,
  RoundRequest,
} from '../../libraries/rpc/index.js';
import type { ContainerStore, NodeInfoReader } from '../../libraries/runtime/index.js';
import type { Departures } from './departure.js';
import { describe } from './describe.js';
import type { RoundMetrics } from './metrics.js';
import { progressStream } from './progress-stream.js';

/** Often enough for who waits. A message costs an emulated guest as much as several SENDs. */
const progressMs = 1000;

export interface ServiceParts {
  readonly departures: Departures;
  readonly store: ContainerStore;
  readonly nodeInfo: NodeInfoReader;
  readonly link: GuestLink;
  readonly steps: Steps;
  readonly rounds: RoundMetrics;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

export function checkpointHandlers(parts: ServiceParts): Handlers<'Checkpoint'> {
  const { departures, store, nodeInfo, link, steps } = parts;
  return {
    GetNode: () => nodeInfo.read(link.state),
    Describe: async ({ container }) => describe(store, container, await nodeInfo.read(link.state)),
    Begin: async (request) => {
      const { migration, mode, batch } = request;
      await nodeInfo.requireBoot(request.bootId);
      const begin = (): Promise<void> => departures.begin(request);
      await steps.run('begin', required(migration), begin, () => ({ mode, batch }));
      return {};
    },
    Round: (request, context) => roundMessages(parts, request, context),
    Throttle: ({ migration, cpuShare }) => {
      const ref = required(migration);
      const throttle = async (): Promise<{ cpus: number }> => ({
        cpus: await departures.throttle(ref, cpuShare),
      });
      return steps.run('throttle', ref, throttle, (result) => ({ cpuShare, ...result }));
    },
    Freeze: (migration) => steps.run('freeze', migration, () => departures.freeze(migration), all),
    Dump: ({ migration, pageServer }) => {
      const ref = required(migration);
      return steps.run('dump', ref, () => departures.dump(ref, pageServer), all);
    },
    DigestPages: ({ migration, pages }, { signal }) => {
      const ref = required(migration);
      const digest = (): Promise<PageDigests> => departures.digestPages(ref, pages, signal);
      return steps.run('digest', ref, digest, ({ regions, seconds }) => ({
        regions: regions.length,
        seconds,
      }));
    },
    Finish: async (migration) => {
      await steps.run('finish', migration, () => departures.finish(migration));
      return {};
    },
    Rollback: async (migration) => {
      await steps.run('rollback', migration, () => departures.rollback(migration));
      return {};
    },
    TakeOver: async (migration) => {
      await steps.run('take-over', migration, () => departures.takeOver(migration));
      return {};
    },
    GetUsage: (migration) => Promise.resolve({ steps: steps.usage(migration) }),
  };
}

const all = <T extends object>(result: T): T => result;

async function* roundMessages(
  { departures, steps, rounds, clock }: ServiceParts,
  { migration, index, last, pageServer }: RoundRequest,
  { signal }: CallContext,
): AsyncGenerator<Partial<RoundProgress>> {
  const progress = progressStream<Partial<RoundProgress>>(clock, progressMs);
  const ref = required(migration);
  const round = steps.run(
    last ? 'last-round' : 'round',
    ref,
    () => departures.round(ref, { index, last, signal, onProgress: progress.push }, pageServer),
    ({ pages, pagesMoved, dirtyPagesAfter, seconds, frozenDirty }) => ({
      ...{ index, last, pages, pagesMoved, dirtyPagesAfter, seconds },
      ...(frozenDirty === null ? {} : { frozenDirty }),
    }),
  );
  const ended = round.finally(progress.end);
  // The failure is thrown below, after the progress that came before it.
  ended.catch(() => undefined);
  yield* progress.messages;
  const result = await ended;
  rounds.roundEnded(result);
  yield { result };
}
