/**
 * Evacuate: plans where the containers of a VM go, has a migration accepted for each, and tells of all of them until each
 * has moved or stays, is lost, or cannot be followed any more. They wait for one another in the queue, by the limit of each host.
 *
 * Limits: what is started on the VM meanwhile is not looked for. A container whose migration ends without having moved it
 * is not planned anew; it is tried again, to the same VM, as often as was asked for.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import type { EvacuateRequest, EvacuationEvent, MigrateRequest } from '../../../libraries/rpc/index.js';
import { merge } from '../events/merge.js';
import { endingOf, unfollowed, type MoveEnding } from '../evacuation/ending.js';
import { planEvacuation, type Placing } from '../evacuation/plan.js';
import { survey } from '../evacuation/survey.js';
import type { Tools } from '../migration/migration.js';
import { wishOf } from '../migration/wish.js';
import type { MigrationReport } from '../report/report.js';
import { accept, refusal } from './migrate.js';
import { follow, type FollowParts } from './follow.js';

type Move = Extract<Placing, { to: string }>;

/** Throws `invalid-argument`, `vm-unknown` and `agent-unavailable`. */
export async function* evacuate(
  tools: Tools,
  parts: FollowParts,
  { vm, to, dryRun, how }: EvacuateRequest,
  signal: AbortSignal,
): AsyncGenerator<EvacuationEvent> {
  const { leaving, staying, candidates } = await survey(tools, vm, to);
  const placings = [...planEvacuation(leaving, candidates), ...staying];
  for (const placing of placings) yield planned(placing);
  if (dryRun) return;
  const moves = placings.filter((placing): placing is Move => 'to' in placing);
  yield* merge(moves.map((move) => carryOut(tools, parts, how, { ...move, from: vm }, signal)));
}

async function* carryOut(
  tools: Tools,
  parts: FollowParts,
  how: MigrateRequest | null,
  { container, from, to }: Move & { readonly from: string },
  signal: AbortSignal,
): AsyncGenerator<EvacuationEvent> {
  const wish = wishOf(tools.newId(), { ...(how ?? defaults), container, to }, from);
  const ended = ({ outcome, reason }: MoveEnding): EvacuationEvent => ({
    ...{ container, to, outcome, code: reason?.code ?? '', reason: reason?.message ?? '', event: null },
  });
  let report: MigrationReport | undefined;
  let wasReverted = false;
  try {
    const obstacle = await accept(parts.migrations, wish);
    const story =
      obstacle === undefined ? follow(parts, wish.id, signal) : [await refusal(tools, wish, obstacle)];
    for await (const told of story) {
      if (told.report !== '') report = JSON.parse(told.report) as MigrationReport;
      wasReverted ||= told.state === 'reverted';
      yield { container, to, outcome: 'moving', code: '', reason: '', event: told };
    }
  } catch (thrown) {
    // One that cannot be followed any more is not lost; the others are still worth following.
    const reason = thrown instanceof PortkeyError ? thrown : new PortkeyError('internal', String(thrown));
    yield ended(unfollowed(wish.id, reason));
    return;
  }
  if (!signal.aborted) yield ended(endingOf(report, wasReverted));
}

function planned(placing: Placing): EvacuationEvent {
  const { container } = placing;
  if ('to' in placing) {
    return { container, to: placing.to, outcome: 'planned', code: '', reason: '', event: null };
  }
  const { code, message } = placing.stays;
  return { container, to: '', outcome: 'stayed', code, reason: message, event: null };
}

const defaults: MigrateRequest = {
  ...{ container: '', to: '', mode: 'MODE_PORTKEY', maxDowntimeMs: 0, maxRounds: 0, bytesPerSecond: 0 },
  ...{ batch: '', throttle: false, verify: false, retries: 0 },
};
